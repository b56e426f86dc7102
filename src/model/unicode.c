#include "model/unicode.h"

#include <string.h>

#include "base/mem.h"
#include "model/unicode_nfc_tables.h"

/* Hangul syllables compose by arithmetic (The Unicode Standard, section 3.12). */
enum {
  S_BASE = 0xac00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11a7,
  L_COUNT = 19, V_COUNT = 21, T_COUNT = 28, S_COUNT = L_COUNT * V_COUNT * T_COUNT,
  MAX_DECOMPOSITION = 4
};

unsigned vft_utf8_next(const char *text, size_t *at) {
  const unsigned char *s = (const unsigned char *)text + *at;
  if (s[0] < 0x80) {
    *at += 1;
    return s[0];
  }
  if (s[0] < 0xe0) {
    *at += 2;
    return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
  }
  if (s[0] < 0xf0) {
    *at += 3;
    return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
  }
  *at += 4;
  return (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

size_t vft_utf8_put(unsigned c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n; --i > 0; c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
  out[0] = (char)((0xf00 >> n) | c); /* lead byte: n ones, a zero, the rest */
  return n;
}

static unsigned combining_class(uint32_t c) {
  if (c < 0x300) return 0;
  for (size_t low = 0, high = vft_nfc_classes_count; low < high;) {
    size_t mid = (low + high) / 2;
    if (c < vft_nfc_classes[mid].first) high = mid;
    else if (c > vft_nfc_classes[mid].last) low = mid + 1;
    else return vft_nfc_classes[mid].value;
  }
  return 0;
}

static size_t decompose(uint32_t c, uint32_t out[MAX_DECOMPOSITION]) {
  if (c >= S_BASE && c < S_BASE + S_COUNT) {
    uint32_t s = c - S_BASE;
    out[0] = L_BASE + s / (V_COUNT * T_COUNT);
    out[1] = V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT;
    out[2] = T_BASE + s % T_COUNT;
    return s % T_COUNT ? 3 : 2;
  }
  if (c >= 0xc0)
    for (size_t low = 0, high = vft_nfc_decompositions_count; low < high;) {
      size_t mid = (low + high) / 2;
      const vft_nfc_decomposition *d = &vft_nfc_decompositions[mid];
      if (c < d->code) {
        high = mid;
      } else if (c > d->code) {
        low = mid + 1;
      } else {
        memcpy(out, &vft_nfc_pool[d->at], d->count * sizeof *out);
        return d->count;
      }
    }
  out[0] = c;
  return 1;
}

/* 0 when the two do not compose. */
static uint32_t compose(uint32_t a, uint32_t b) {
  if (a >= L_BASE && a < L_BASE + L_COUNT && b >= V_BASE && b < V_BASE + V_COUNT)
    return S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) * T_COUNT;
  if (a >= S_BASE && a < S_BASE + S_COUNT && (a - S_BASE) % T_COUNT == 0 && b > T_BASE &&
      b < T_BASE + T_COUNT)
    return a + (b - T_BASE);
  for (size_t low = 0, high = vft_nfc_pairs_count; low < high;) {
    size_t mid = (low + high) / 2;
    const vft_nfc_pair *p = &vft_nfc_pairs[mid];
    if (a < p->left || (a == p->left && b < p->right)) high = mid;
    else if (a > p->left || b > p->right) low = mid + 1;
    else return p->result;
  }
  return 0;
}

typedef struct {
  uint32_t code;
  uint8_t class;
} mark;

/* Stable order by class: counting, since a hostile text may hold very long runs of marks. */
static void order_run(mark *run, size_t n, mark *spare) {
  size_t start[257] = {0};
  for (size_t i = 0; i < n; i++) start[run[i].class + 1]++;
  for (int k = 0; k < 256; k++) start[k + 1] += start[k];
  for (size_t i = 0; i < n; i++) spare[start[run[i].class]++] = run[i];
  memcpy(run, spare, n * sizeof *run);
}

static void order_marks(mark *m, size_t n, mark *spare) {
  for (size_t i = 0; i < n;) {
    size_t first = i;
    while (i < n && m[i].class) i++;
    bool sorted = true;
    for (size_t k = first + 1; k < i; k++) sorted = sorted && m[k - 1].class <= m[k].class;
    if (!sorted) order_run(m + first, i - first, spare);
    if (i == first) i++;
  }
}

/* In place; a mark composes with the last starter unless a mark of the same or a higher class
 * stands between. */
static size_t compose_all(mark *m, size_t n) {
  size_t out = 0, starter = SIZE_MAX;
  for (size_t i = 0; i < n; i++) {
    if (starter != SIZE_MAX) {
      bool blocked = out - starter > 1 && (m[out - 1].class >= m[i].class || !m[out - 1].class);
      uint32_t c = blocked ? 0 : compose(m[starter].code, m[i].code);
      if (c) {
        m[starter].code = c;
        continue;
      }
    }
    if (!m[i].class) starter = out;
    m[out++] = m[i];
  }
  return out;
}

vft_status vft_nfc(const char *text, size_t length, char **out, size_t *out_length) {
  *out = NULL;
  *out_length = 0;
  /* Bytes below 0xcc begin code points below U+0300; continuation bytes are below 0xc0. */
  size_t high = 0;
  for (size_t i = 0; i < length; i++) high += (unsigned char)text[i] >= 0xcc;
  if (!high) return VFT_OK;
  size_t n = 0, codes = 0;
  uint32_t parts[MAX_DECOMPOSITION];
  for (size_t at = 0; at < length;) codes += decompose(vft_utf8_next(text, &at), parts);
  mark *m = vft_alloc_raw(2 * codes, sizeof *m);
  if (!m) return VFT_RESOURCE;
  for (size_t at = 0; at < length;) {
    size_t count = decompose(vft_utf8_next(text, &at), parts);
    for (size_t k = 0; k < count; k++)
      m[n++] = (mark){parts[k], (uint8_t)combining_class(parts[k])};
  }
  order_marks(m, n, m + codes);
  n = compose_all(m, n);
  char *bytes = vft_alloc_raw(4 * n + 1, 1), *at = bytes;
  if (bytes) {
    for (size_t i = 0; i < n; i++) at += vft_utf8_put(m[i].code, at);
    *at = 0;
    *out = bytes;
    *out_length = (size_t)(at - bytes);
  }
  vft_free(m);
  return bytes ? VFT_OK : VFT_RESOURCE;
}
