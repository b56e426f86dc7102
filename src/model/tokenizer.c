#include "model/tokenizer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/gguf.h"
#include "model/token_trie.h"
#include "model/tokenizer_core.h"
#include "model/unicode.h"

enum { MAX_JSON = 1 << 27, MAX_TEXT = 1 << 30 };

const char vft_pattern_gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

vft_status vft_tokens_push(vft_tokens *t, int32_t id) {
  if (t->count == t->capacity) {
    size_t capacity = t->capacity ? 2 * t->capacity : 64;
    int32_t *grown = vft_alloc_raw(capacity, sizeof *grown);
    if (!grown) return VFT_RESOURCE;
    if (t->count) memcpy(grown, t->id, t->count * sizeof *grown);
    vft_free(t->id);
    t->id = grown;
    t->capacity = capacity;
  }
  t->id[t->count++] = id;
  return VFT_OK;
}

void vft_tokens_free(vft_tokens *t) {
  vft_free(t->id);
  *t = (vft_tokens){0};
}

/* ---- byte alphabet -------------------------------------------------------------------------
 * GPT-2 writes bytes as printable characters: 0x21..0x7e, 0xa1..0xac and 0xae..0xff stand for
 * themselves, the other 68 bytes in ascending order for U+0100, U+0101, ... */

static bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/* Code point of a byte. */
static unsigned byte_symbol(unsigned byte) {
  if (stands_for_itself(byte)) return byte;
  unsigned before = 0;
  for (unsigned b = 0; b < byte; b++) before += !stands_for_itself(b);
  return 0x100 + before;
}

/* Byte of a code point, -1 when it is none of the 256 symbols. */
static int symbol_byte(unsigned code) {
  static const unsigned char others[68] = {
      0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,
      17,  18,  19,  20,  21,  22,  23,  24,  25,  26,  27,  28,  29,  30,  31,  32,  127,
      128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144,
      145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 173};
  if (code < 0x100) return stands_for_itself(code) ? (int)code : -1;
  return code < 0x100 + sizeof others ? others[code - 0x100] : -1;
}

/* ---- building ------------------------------------------------------------------------------ */

vft_tokenizer *vft_tokenizer_new(const char *name) {
  vft_tokenizer *t = vft_alloc(1, sizeof *t);
  if (!t) return NULL;
  t->unknown = -1;
  t->name = vft_arena_strdup(&t->arena, name);
  if (t->name) return t;
  vft_tokenizer_free(t);
  return NULL;
}

void vft_tokenizer_free(vft_tokenizer *t) {
  if (!t) return;
  for (size_t i = 0; i < t->splits; i++) vft_pattern_free(t->split[i].compiled);
  vft_bpe_free(&t->bpe);
  vft_trie_free(t->trie);
  vft_free(t->token);
  vft_free(t->merge);
  vft_free(t->by_name);
  vft_arena_free(&t->arena);
  vft_free(t);
}

vft_status vft_tokenizer_reserve(vft_tokenizer *t, size_t size) {
  if (size < 1 || size > VFT_TOKENIZER_MAX_IDS)
    return vft_fail(VFT_USAGE, "%s: vocabulary of %zu tokens, expected 1..%d", t->name, size,
                    VFT_TOKENIZER_MAX_IDS);
  t->token = vft_alloc(size, sizeof *t->token);
  if (!t->token) return VFT_RESOURCE;
  t->size = size;
  return VFT_OK;
}

static vft_status copy(vft_tokenizer *t, vft_slice from, vft_slice *to) {
  char *p = vft_arena_alloc(&t->arena, from.n + 1, 1);
  if (!p) return VFT_RESOURCE;
  if (from.n) memcpy(p, from.p, from.n);
  *to = (vft_slice){p, from.n};
  return VFT_OK;
}

vft_status vft_tokenizer_put(vft_tokenizer *t, int64_t id, vft_slice content, uint8_t kind) {
  vft_shown shown = vft_show(content);
  if (id < 0 || (uint64_t)id >= t->size)
    return vft_fail(VFT_USAGE, "%s: token '%s' has id %lld outside the vocabulary", t->name,
                    shown.text, (long long)id);
  vft_token *token = &t->token[id];
  if (token->kind) {
    if (vft_slice_compare(token->content, content))
      return vft_fail(VFT_USAGE, "%s: id %lld is both '%s' and '%s'", t->name, (long long)id,
                      vft_show(token->content).text, shown.text);
    token->kind |= kind;
    return VFT_OK;
  }
  if (content.n < 1 || content.n > VFT_TOKENIZER_MAX_TOKEN)
    return vft_fail(VFT_USAGE, "%s: token %lld has %zu bytes, expected 1..%d", t->name,
                    (long long)id, content.n, VFT_TOKENIZER_MAX_TOKEN);
  if (!vft_utf8_valid(content.p, content.n))
    return vft_fail(VFT_USAGE, "%s: token %lld is not UTF-8", t->name, (long long)id);
  TRY(copy(t, content, &token->content));
  token->kind = kind;
  return VFT_OK;
}

vft_status vft_tokenizer_add_split(vft_tokenizer *t, const char *pattern, size_t length,
                                   bool drop_gaps) {
  if (t->splits == VFT_TOKENIZER_MAX_STEPS)
    return vft_fail(VFT_USAGE, "%s: more than %d pre-tokenizer steps", t->name,
                    VFT_TOKENIZER_MAX_STEPS);
  vft_split *s = &t->split[t->splits];
  TRY(vft_pattern_compile(pattern, length, t->name, &s->compiled));
  t->splits++;
  s->drop_gaps = drop_gaps;
  return copy(t, (vft_slice){pattern, length}, &s->pattern);
}

static uint64_t hash(vft_slice s) { /* FNV-1a, finished so that low bits depend on all */
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
  h ^= h >> 32;
  return h * 0x9e3779b97f4a7c15u ^ h;
}

static vft_name_slot *name_place(const vft_tokenizer *t, vft_slice content, uint64_t h) {
  size_t at = (size_t)h & t->name_mask;
  for (;; at = (at + 1) & t->name_mask) {
    vft_name_slot *slot = &t->by_name[at];
    if (slot->id < 0) return slot;
    if (slot->hash == h && !vft_slice_compare(t->token[slot->id].content, content)) return slot;
  }
}

int32_t vft_tokenizer_lookup(const vft_tokenizer *t, vft_slice content) {
  return name_place(t, content, hash(content))->id;
}

vft_status vft_tokenizer_index(vft_tokenizer *t) {
  size_t size = 16;
  while (size < 2 * t->size) size *= 2;
  t->by_name = vft_alloc_raw(size, sizeof *t->by_name);
  if (!t->by_name) return VFT_RESOURCE;
  t->name_mask = size - 1;
  for (size_t i = 0; i < size; i++) t->by_name[i].id = -1;
  for (size_t id = 0; id < t->size; id++) {
    if (!t->token[id].kind) continue;
    uint64_t h = hash(t->token[id].content);
    vft_name_slot *slot = name_place(t, t->token[id].content, h);
    if (slot->id >= 0)
      return vft_fail(VFT_USAGE, "%s: ids %d and %zu are the same token '%s'", t->name, slot->id,
                      id, vft_show(t->token[id].content).text);
    *slot = (vft_name_slot){h, (int32_t)id};
  }
  return VFT_OK;
}

vft_status vft_tokenizer_reserve_merges(vft_tokenizer *t, size_t count) {
  if (count > VFT_TOKENIZER_MAX_IDS)
    return vft_fail(VFT_USAGE, "%s: %zu merges, at most %d expected", t->name, count,
                    VFT_TOKENIZER_MAX_IDS);
  t->merge = vft_alloc(count, sizeof *t->merge);
  return t->merge ? VFT_OK : VFT_RESOURCE;
}

vft_status vft_tokenizer_add_merge(vft_tokenizer *t, vft_slice left, vft_slice right) {
  char few[256], *joined = few;
  size_t n = left.n + right.n;
  if (left.n > VFT_TOKENIZER_MAX_TOKEN || right.n > VFT_TOKENIZER_MAX_TOKEN)
    return vft_fail(VFT_USAGE, "%s: merge %zu is too long", t->name, t->merges);
  if (n > sizeof few && !(joined = vft_alloc_raw(n, 1))) return VFT_RESOURCE;
  if (left.n) memcpy(joined, left.p, left.n);
  if (right.n) memcpy(joined + left.n, right.p, right.n);
  const vft_slice part[3] = {left, right, {joined, n}};
  int32_t id[3];
  vft_status st = VFT_OK;
  for (int k = 0; k < 3 && st == VFT_OK; k++) {
    id[k] = vft_tokenizer_lookup(t, part[k]);
    /* A special token must not come out of ordinary text. */
    if (id[k] < 0 || !(t->token[id[k]].kind & VFT_TOKEN_ORDINARY) ||
        (t->token[id[k]].kind & VFT_TOKEN_SPECIAL))
      st = vft_fail(VFT_USAGE, "%s: merge %zu: '%s' is not an ordinary token", t->name,
                    t->merges, vft_show(part[k]).text);
  }
  if (st == VFT_OK)
    t->merge[t->merges++] =
        (vft_merge){(uint32_t)id[0], (uint32_t)id[1], (uint32_t)id[2], 0};
  if (joined != few) vft_free(joined);
  return st;
}

vft_status vft_tokenizer_add_merge_text(vft_tokenizer *t, vft_slice text) {
  const char *space = text.n ? memchr(text.p, ' ', text.n) : NULL;
  size_t n = space ? (size_t)(space - text.p) : 0;
  if (!space || memchr(space + 1, ' ', text.n - n - 1))
    return vft_fail(VFT_USAGE, "%s: merge %zu is not two tokens with a space between", t->name,
                    t->merges);
  return vft_tokenizer_add_merge(t, (vft_slice){text.p, n},
                                 (vft_slice){space + 1, text.n - n - 1});
}

/* Ordinary tokens decode symbol by symbol, when all their characters are symbols. */
static vft_status decode_token(vft_tokenizer *t, vft_token *token) {
  token->bytes = token->content;
  if (token->kind & VFT_TOKEN_ADDED) return VFT_OK;
  char *bytes = vft_arena_alloc(&t->arena, token->content.n + 1, 1);
  if (!bytes) return VFT_RESOURCE;
  size_t n = 0;
  for (size_t at = 0; at < token->content.n;) {
    int byte = symbol_byte(vft_utf8_next(token->content.p, &at));
    if (byte < 0) return VFT_OK;
    bytes[n++] = (char)byte;
  }
  token->bytes = (vft_slice){bytes, n};
  return VFT_OK;
}

static vft_status build_trie(vft_tokenizer *t) {
  size_t bytes = 0;
  for (size_t id = 0; id < t->size; id++)
    if (t->token[id].kind & VFT_TOKEN_ADDED) bytes += t->token[id].content.n;
  t->trie = vft_trie_new(bytes);
  if (!t->trie) return VFT_RESOURCE;
  for (size_t id = 0; id < t->size; id++) {
    const vft_token *token = &t->token[id];
    if (!(token->kind & VFT_TOKEN_ADDED)) continue;
    if (t->nfc && (token->kind & VFT_TOKEN_NORMALISED)) {
      char *form;
      size_t n;
      TRY(vft_nfc(token->content.p, token->content.n, &form, &n));
      bool same = !form || !vft_slice_compare((vft_slice){form, n}, token->content);
      vft_free(form);
      if (!same)
        return vft_fail(VFT_USAGE, "%s: added token %zu is not in normal form C", t->name, id);
    }
    vft_trie_add(t->trie, token->content, (int32_t)id, token->kind);
  }
  return VFT_OK;
}

/* The canonical description, which the digest is taken of (FORMATS.md). */
typedef struct {
  uint8_t *bytes;
  size_t count;
} writer;

static void put(writer *w, const void *p, size_t n) {
  if (w->bytes && n) memcpy(w->bytes + w->count, p, n);
  w->count += n;
}
static void put32(writer *w, uint32_t v) {
  uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
  put(w, b, 4);
}
static void put_slice(writer *w, vft_slice s) {
  put32(w, (uint32_t)s.n);
  put(w, s.p, s.n);
}

static void describe(const vft_tokenizer *t, writer *w) {
  static const char label[] = "vft tokenizer 1\n";
  put(w, label, sizeof label - 1);
  put32(w, t->nfc);
  put32(w, t->ignore_merges);
  put32(w, (uint32_t)t->unknown);
  put32(w, t->fuse_unknown);
  put32(w, (uint32_t)t->splits);
  for (size_t i = 0; i < t->splits; i++) {
    put32(w, t->split[i].drop_gaps);
    put_slice(w, t->split[i].pattern);
  }
  put32(w, (uint32_t)t->size);
  for (size_t id = 0; id < t->size; id++) {
    uint8_t kind = t->token[id].kind;
    if (!t->nfc) kind &= (uint8_t)~VFT_TOKEN_NORMALISED; /* makes no difference then */
    put(w, &kind, 1);
    put_slice(w, t->token[id].content);
  }
  put32(w, (uint32_t)t->merges);
  for (size_t k = 0; k < t->merges; k++) {
    put32(w, t->merge[k].left);
    put32(w, t->merge[k].right);
  }
}

static vft_status take_digest(vft_tokenizer *t) {
  writer w = {NULL, 0};
  describe(t, &w);
  w.bytes = vft_alloc_raw(w.count, 1);
  if (!w.bytes) return VFT_RESOURCE;
  w.count = 0;
  describe(t, &w);
  vft_status st = vft_sha256(w.bytes, w.count, t->digest);
  vft_free(w.bytes);
  return st;
}

/* Some files list added tokens among the ordinary ones too. That matters only for those that are
 * a byte's symbol or take part in a merge; only these stay ordinary, so that the description does
 * not depend on it. */
static void settle_kinds(vft_tokenizer *t, const bool *symbol) {
  for (size_t id = 0; id < t->size; id++)
    if ((t->token[id].kind & VFT_TOKEN_ADDED) && !symbol[id])
      t->token[id].kind &= (uint8_t)~VFT_TOKEN_ORDINARY;
  for (size_t k = 0; k < t->merges; k++) {
    t->token[t->merge[k].left].kind |= VFT_TOKEN_ORDINARY;
    t->token[t->merge[k].right].kind |= VFT_TOKEN_ORDINARY;
    t->token[t->merge[k].result].kind |= VFT_TOKEN_ORDINARY;
  }
}

vft_status vft_tokenizer_finish(vft_tokenizer *t) {
  for (size_t id = 0; id < t->size; id++)
    if (t->token[id].kind) TRY(decode_token(t, &t->token[id]));
  t->bpe.unknown = t->unknown;
  t->bpe.fuse_unknown = t->fuse_unknown;
  bool *is_symbol = vft_alloc(t->size, sizeof *is_symbol);
  if (!is_symbol) return VFT_RESOURCE;
  for (unsigned b = 0; b < 256; b++) {
    char symbol[4];
    vft_slice s = {symbol, vft_utf8_put(byte_symbol(b), symbol)};
    int32_t id = vft_tokenizer_lookup(t, s);
    bool ordinary = id >= 0 && (t->token[id].kind & VFT_TOKEN_ORDINARY);
    t->bpe.byte_id[b] = ordinary ? id : -1;
    if (ordinary) is_symbol[id] = true;
  }
  settle_kinds(t, is_symbol);
  vft_free(is_symbol);
  TRY(vft_bpe_build(&t->bpe, t->merge, t->merges, t->name));
  TRY(build_trie(t));
  return take_digest(t);
}

/* ---- loading ------------------------------------------------------------------------------- */

static vft_status load_file(const char *path, vft_tokenizer **out) {
  vft_source file;
  TRY(vft_source_open(path, &file));
  vft_status st;
  if (file.size >= 4 && !memcmp(file.data, "GGUF", 4)) {
    vft_gguf gguf;
    st = vft_gguf_parse(file.data, file.size, path, &gguf);
    if (st == VFT_OK) {
      st = vft_tokenizer_from_gguf(&gguf, out);
      vft_gguf_free(&gguf);
    }
  } else if (file.size > MAX_JSON) {
    st = vft_fail(VFT_USAGE, "%s: %zu bytes, at most %d expected in a tokenizer.json", path,
                  file.size, MAX_JSON);
  } else {
    st = vft_tokenizer_from_json((const char *)file.data, file.size, path, out);
  }
  vft_source_close(&file);
  return st;
}

vft_status vft_tokenizer_load(const char *path, vft_tokenizer **out) {
  *out = NULL;
  char *inside = NULL;
  if (vft_path_is_folder(path)) inside = vft_path_join(path, "tokenizer.json");
  else if (vft_path_ends(path, ".safetensors")) inside = vft_path_beside(path, "tokenizer.json");
  else return load_file(path, out);
  if (!inside) return VFT_RESOURCE;
  vft_status st = load_file(inside, out);
  vft_free(inside);
  return st;
}

size_t vft_tokenizer_size(const vft_tokenizer *t) { return t->size; }
const uint8_t *vft_tokenizer_digest(const vft_tokenizer *t) { return t->digest; }

int32_t vft_tokenizer_id(const vft_tokenizer *t, const char *content) {
  return vft_tokenizer_lookup(t, (vft_slice){content, strlen(content)});
}

bool vft_tokenizer_is_special(const vft_tokenizer *t, int32_t id) {
  return id >= 0 && (size_t)id < t->size && (t->token[id].kind & VFT_TOKEN_SPECIAL);
}

/* ---- encoding ------------------------------------------------------------------------------ */

typedef struct {
  const vft_tokenizer *t;
  vft_match *match;
  vft_bpe_scratch scratch;
  vft_tokens *out;
} encoding;

/* A word that is in the vocabulary as a whole, when the file says that merges are then skipped;
 * *id = -1 when it is not. */
static vft_status whole_word(const vft_tokenizer *t, const char *word, size_t n, int32_t *id) {
  char few[512], *symbols = few;
  *id = -1;
  if (!t->ignore_merges || n > VFT_TOKENIZER_MAX_TOKEN) return VFT_OK;
  if (2 * n + 4 > sizeof few && !(symbols = vft_alloc_raw(2 * n + 4, 1))) return VFT_RESOURCE;
  size_t m = 0;
  for (size_t i = 0; i < n; i++)
    m += vft_utf8_put(byte_symbol((unsigned char)word[i]), symbols + m);
  int32_t found = vft_tokenizer_lookup(t, (vft_slice){symbols, m});
  if (symbols != few) vft_free(symbols);
  if (found >= 0 && !(t->token[found].kind & VFT_TOKEN_ADDED)) *id = found;
  return VFT_OK;
}

static vft_status encode_pieces(encoding *e, size_t step, const char *text, size_t n) {
  if (n == 0) return VFT_OK;
  if (step == e->t->splits) {
    int32_t id;
    TRY(whole_word(e->t, text, n, &id));
    if (id >= 0) return vft_tokens_push(e->out, id);
    return vft_bpe_word(&e->t->bpe, &e->scratch, (const uint8_t *)text, n, e->out);
  }
  const vft_split *split = &e->t->split[step];
  for (size_t from = 0, done = 0; done < n;) {
    bool found;
    size_t begin, end;
    TRY(vft_pattern_find(split->compiled, e->match, text, n, from, &found, &begin, &end));
    if (begin > done) {
      if (!split->drop_gaps) TRY(encode_pieces(e, step + 1, text + done, begin - done));
      done = begin;
    }
    if (!found) break;
    TRY(encode_pieces(e, step + 1, text + begin, end - begin));
    done = from = end;
    /* After an empty match the search goes on one character further. */
    if (begin == end && from < n) vft_utf8_next(text, &from);
    if (from >= n && done < n) {
      if (!split->drop_gaps) TRY(encode_pieces(e, step + 1, text + done, n - done));
      break;
    }
  }
  return VFT_OK;
}

/* Cuts the added tokens of one phase out of the text; `rest` handles what lies between. */
static vft_status cut(encoding *e, const char *text, size_t n, uint8_t mask, uint8_t wanted,
                      vft_status (*rest)(encoding *, const char *, size_t)) {
  size_t done = 0;
  for (size_t at = 0; at < n;) {
    size_t matched;
    int32_t id = vft_trie_match(e->t->trie, text + at, n - at, mask, wanted, &matched);
    if (id < 0) {
      at++;
      continue;
    }
    TRY(rest(e, text + done, at - done));
    TRY(vft_tokens_push(e->out, id));
    done = at += matched;
  }
  return rest(e, text + done, n - done);
}

static vft_status encode_plain(encoding *e, const char *text, size_t n) {
  return encode_pieces(e, 0, text, n);
}

/* Second phase: the normaliser, then the added tokens that are looked for after it. These are
 * never special, as vft_tokenizer_put's callers make sure of. */
static vft_status encode_normalised(encoding *e, const char *text, size_t n) {
  if (n == 0) return VFT_OK;
  char *form = NULL;
  size_t length = n;
  if (e->t->nfc) TRY(vft_nfc(text, n, &form, &length));
  if (!form) length = n;
  vft_status st = cut(e, form ? form : text, length, VFT_TOKEN_NORMALISED, VFT_TOKEN_NORMALISED,
                      encode_plain);
  vft_free(form);
  return st;
}

vft_status vft_tokenizer_encode(const vft_tokenizer *t, const char *text, size_t length,
                                bool parse_special, vft_tokens *out) {
  if (length > MAX_TEXT)
    return vft_fail(VFT_USAGE, "text of %zu bytes, at most %d expected", length, MAX_TEXT);
  if (!vft_utf8_valid(text, length)) return vft_fail(VFT_USAGE, "the text is not UTF-8");
  encoding e = {.t = t, .match = vft_match_new(), .out = out};
  if (!e.match) return VFT_RESOURCE;
  uint8_t mask = VFT_TOKEN_NORMALISED;
  if (!parse_special) mask |= VFT_TOKEN_SPECIAL;
  vft_status st = cut(&e, text, length, mask, 0, encode_normalised);
  vft_match_free(e.match);
  vft_bpe_scratch_free(&e.scratch);
  return st;
}

vft_status vft_tokenizer_decode(const vft_tokenizer *t, const int32_t *ids, size_t count,
                                bool skip_special, char **text, size_t *length) {
  *text = NULL;
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    if (ids[i] < 0 || (size_t)ids[i] >= t->size || !t->token[ids[i]].kind)
      return vft_fail(VFT_USAGE, "id %d is not in the vocabulary of %zu tokens", ids[i],
                      t->size);
    n += t->token[ids[i]].bytes.n;
  }
  char *out = vft_alloc_raw(n + 1, 1);
  if (!out) return VFT_RESOURCE;
  n = 0;
  for (size_t i = 0; i < count; i++) {
    if (skip_special && vft_tokenizer_is_special(t, ids[i])) continue;
    vft_slice bytes = t->token[ids[i]].bytes;
    memcpy(out + n, bytes.p, bytes.n);
    n += bytes.n;
  }
  out[n] = 0;
  *text = out;
  *length = n;
  return VFT_OK;
}
