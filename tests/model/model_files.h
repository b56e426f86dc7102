/* Builds small GGUF and safetensors files for the tests: a two-layer Llama whose values are a
 * fixed function of tensor, row and column, with hooks to break any part of it. */
#ifndef TESTS_MODEL_FILES_H
#define TESTS_MODEL_FILES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  uint8_t *p;
  size_t n, room;
} bytes;

static inline void put(bytes *b, const void *data, size_t n) {
  if (b->n + n > b->room) {
    b->room = 2 * (b->n + n) + 64;
    b->p = realloc(b->p, b->room);
  }
  if (n) memcpy(b->p + b->n, data, n);
  b->n += n;
}
static inline void put_le(bytes *b, uint64_t v, size_t width) {
  for (size_t i = 0; i < width; i++) put(b, (uint8_t[]){(uint8_t)(i < 8 ? v >> (8 * i) : 0)}, 1);
}
static inline void put_name(bytes *b, const char *s) {
  put_le(b, strlen(s), 8);
  put(b, s, strlen(s));
}
static inline void put_format(bytes *b, const char *fmt, ...) {
  char text[4096];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  put(b, text, (size_t)n);
}
static inline void kv_string(bytes *b, const char *key, const char *value) {
  put_name(b, key);
  put_le(b, 8, 4);
  put_name(b, value);
}
static inline void kv_u32(bytes *b, const char *key, uint32_t value) {
  put_name(b, key);
  put_le(b, 4, 4);
  put_le(b, value, 4);
}
static inline void kv_f32(bytes *b, const char *key, float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  put_name(b, key);
  put_le(b, 6, 4);
  put_le(b, bits, 4);
}
static inline void kv_bool(bytes *b, const char *key, bool value) {
  put_name(b, key);
  put_le(b, 7, 4);
  put_le(b, value, 1);
}

static inline void write_file(const char *folder, const char *name, const void *p, size_t n) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(p, 1, n, f) != n) abort();
  fclose(f);
}

/* ---- the model ---- */
enum {
  LAYERS = 2, D = 32, HEADS = 4, KV = 2, HEAD_DIM = 16, FF = 96, VOCAB = 40,
  Q_ROWS = HEADS * HEAD_DIM, KV_ROWS = KV * HEAD_DIM
};

typedef struct {
  char gguf[64], hf[96];
  int rows, cols; /* rows 0: vector */
  int heads;      /* rows are rotary */
} part;

static inline int model_parts(part *out, bool head) {
  static const struct {
    const char *gguf, *hf;
    int rows, cols, heads;
  } in_layer[] = {
      {"attn_norm", "input_layernorm", 0, D, 0},
      {"attn_q", "self_attn.q_proj", Q_ROWS, D, HEADS},
      {"attn_k", "self_attn.k_proj", KV_ROWS, D, KV},
      {"attn_v", "self_attn.v_proj", KV_ROWS, D, 0},
      {"attn_output", "self_attn.o_proj", D, Q_ROWS, 0},
      {"ffn_norm", "post_attention_layernorm", 0, D, 0},
      {"ffn_gate", "mlp.gate_proj", FF, D, 0},
      {"ffn_up", "mlp.up_proj", FF, D, 0},
      {"ffn_down", "mlp.down_proj", D, FF, 0},
  };
  int n = 0;
  out[n++] = (part){"token_embd.weight", "model.embed_tokens.weight", VOCAB, D, 0};
  out[n++] = (part){"output_norm.weight", "model.norm.weight", 0, D, 0};
  if (head) out[n++] = (part){"output.weight", "lm_head.weight", VOCAB, D, 0};
  for (int l = 0; l < LAYERS; l++)
    for (size_t k = 0; k < sizeof in_layer / sizeof *in_layer; k++) {
      part *p = &out[n++];
      snprintf(p->gguf, sizeof p->gguf, "blk.%d.%s.weight", l, in_layer[k].gguf);
      snprintf(p->hf, sizeof p->hf, "model.layers.%d.%s.weight", l, in_layer[k].hf);
      p->rows = in_layer[k].rows;
      p->cols = in_layer[k].cols;
      p->heads = in_layer[k].heads;
    }
  return n;
}

/* Halves-order value: a multiple of 2^-7 of at most 8 bits, exact in every plain type. */
static inline float model_value(const part *p, int row, int col) {
  uint32_t h = 2166136261u;
  for (const char *s = p->hf; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
  h = (h ^ (uint32_t)row) * 16777619u;
  h = (h ^ (uint32_t)col) * 16777619u;
  return (float)((int)(h >> 13 & 255) - 128) / 128.0f;
}

/* The row of the halves order that GGUF keeps at `row`: pairs lie side by side there. */
static inline int gguf_source_row(const part *p, int row) {
  if (!p->heads) return row;
  int head = row / HEAD_DIM, within = row % HEAD_DIM;
  return head * HEAD_DIM + within % 2 * (HEAD_DIM / 2) + within / 2;
}

/* Plain storage types by their ggml numbers. */
enum { F32 = 0, F16 = 1, BF16 = 30 };

static inline uint16_t half_of(float f) { /* exact for the values above */
  if (f == 0) return 0;
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return (uint16_t)((bits >> 16 & 0x8000) | (((bits >> 23 & 255) - 112) << 10) |
                    (bits >> 13 & 1023));
}

static inline void put_value(bytes *b, int type, float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  if (type == F32) put_le(b, bits, 4);
  else if (type == F16) put_le(b, half_of(f), 2);
  else put_le(b, bits >> 16, 2);
}

/* What to break; zero: nothing. */
typedef struct {
  bool head;                 /* untied */
  int type;                  /* ggml number of the matrices; norms stay F32 */
  const char *architecture;  /* default "llama" */
  const char *drop;          /* GGUF or HF name of a tensor to leave out */
  const char *poison;        /* ... whose first value becomes NaN */
  const char *transpose;     /* ... whose shape is written the wrong way round */
  const char *retype;        /* ... that claims another ggml type / dtype */
  uint32_t retype_to;
  const char *extra_key;     /* a u32 key with value 7 */
  const char *extra_text_key; /* a string key with value "linear" */
  const char *extra_tensor;  /* one more F32 tensor of 4 values */
  const char *shift;         /* tensor whose offset moves back by 32 bytes */
  int version;               /* default 3 */
  uint64_t tensor_count, kv_count; /* announced instead of the true ones */
  bool tokenizer;            /* adds a tiny tokenizer */
} fault;

static inline bool is(const char *a, const part *p) {
  return a && (!strcmp(a, p->gguf) || !strcmp(a, p->hf));
}

static inline void put_tokenizer(bytes *b, uint64_t *count) {
  static const char *const token[VOCAB] = {
      "<|im_start|>", "<|im_end|>", "<|endoftext|>", "a", "b", "c", "ab", "abc", "\xc4\xa0",
      "\xc4\x8a", "u", "s", "e", "r", "i", "t", "n", "1", "2", "us", "er", "user"};
  kv_string(b, "tokenizer.ggml.model", "gpt2");
  kv_string(b, "tokenizer.ggml.pre", "smollm");
  put_name(b, "tokenizer.ggml.tokens");
  put_le(b, 9, 4);
  put_le(b, 8, 4);
  put_le(b, VOCAB, 8);
  for (int i = 0; i < VOCAB; i++) {
    char filler[16];
    snprintf(filler, sizeof filler, "[%d]", i);
    put_name(b, token[i] ? token[i] : filler);
  }
  put_name(b, "tokenizer.ggml.token_type");
  put_le(b, 9, 4);
  put_le(b, 5, 4);
  put_le(b, VOCAB, 8);
  for (int i = 0; i < VOCAB; i++) put_le(b, i < 3 ? 3 : token[i] ? 1 : 5, 4);
  static const char *const merge[] = {"a b", "ab c", "u s", "e r", "us er"};
  put_name(b, "tokenizer.ggml.merges");
  put_le(b, 9, 4);
  put_le(b, 8, 4);
  put_le(b, 5, 8);
  for (int i = 0; i < 5; i++) put_name(b, merge[i]);
  *count += 5;
}

static inline bytes build_gguf(const fault *f) {
  part parts[32];
  int n = model_parts(parts, f->head);
  bytes kv = {0}, out = {0}, data = {0}, table = {0};
  uint64_t kvs = 11, tensors = 0;
  kv_string(&kv, "general.architecture", f->architecture ? f->architecture : "llama");
  kv_u32(&kv, "llama.block_count", LAYERS);
  kv_u32(&kv, "llama.embedding_length", D);
  kv_u32(&kv, "llama.feed_forward_length", FF);
  kv_u32(&kv, "llama.context_length", 128);
  kv_u32(&kv, "llama.attention.head_count", HEADS);
  kv_u32(&kv, "llama.attention.head_count_kv", KV);
  kv_u32(&kv, "llama.attention.key_length", HEAD_DIM);
  kv_u32(&kv, "llama.attention.value_length", HEAD_DIM);
  kv_f32(&kv, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
  kv_u32(&kv, "tokenizer.ggml.eos_token_id", 2);
  if (f->extra_key) kv_u32(&kv, f->extra_key, 7), kvs++;
  if (f->extra_text_key) kv_string(&kv, f->extra_text_key, "linear"), kvs++;
  if (f->tokenizer) put_tokenizer(&kv, &kvs);
  for (int i = 0; i < n; i++) {
    const part *p = &parts[i];
    if (is(f->drop, p)) continue;
    int rows = p->rows ? p->rows : 1, type = p->rows ? f->type : F32;
    while (data.n % 32) put_le(&data, 0, 1);
    tensors++;
    put_name(&table, p->gguf);
    put_le(&table, p->rows ? 2 : 1, 4);
    bool swapped = is(f->transpose, p);
    put_le(&table, (uint64_t)(swapped ? rows : p->cols), 8);
    if (p->rows) put_le(&table, (uint64_t)(swapped ? p->cols : rows), 8);
    put_le(&table, is(f->retype, p) ? f->retype_to : (uint32_t)type, 4);
    put_le(&table, data.n - (is(f->shift, p) ? 32 : 0), 8);
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < p->cols; c++) {
        float v = model_value(p, gguf_source_row(p, r), c);
        if (is(f->poison, p) && r == 0 && c == 0) v = __builtin_nanf("");
        put_value(&data, type, v);
      }
  }
  if (f->extra_tensor) {
    while (data.n % 32) put_le(&data, 0, 1);
    tensors++;
    put_name(&table, f->extra_tensor);
    put_le(&table, 1, 4);
    put_le(&table, 4, 8);
    put_le(&table, F32, 4);
    put_le(&table, data.n, 8);
    put_le(&data, 0, 16);
  }
  put(&out, "GGUF", 4);
  put_le(&out, f->version ? (uint64_t)f->version : 3, 4);
  put_le(&out, f->tensor_count ? f->tensor_count : tensors, 8);
  put_le(&out, f->kv_count ? f->kv_count : kvs, 8);
  put(&out, kv.p, kv.n);
  put(&out, table.p, table.n);
  while (out.n % 32) put_le(&out, 0, 1);
  put(&out, data.p, data.n);
  free(kv.p), free(data.p), free(table.p);
  return out;
}

/* Tensors [from, to) of the list as one safetensors file. */
static inline bytes build_safetensors(const fault *f, int from, int to) {
  part parts[32];
  int n = model_parts(parts, f->head);
  const char *type = f->type == F32 ? "F32" : f->type == F16 ? "F16" : "BF16";
  bytes header = {0}, data = {0}, out = {0};
  put_format(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
  for (int i = from; i < to && i < n; i++) {
    const part *p = &parts[i];
    if (is(f->drop, p)) continue;
    int rows = p->rows ? p->rows : 1;
    size_t begin = data.n;
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < p->cols; c++) {
        float v = model_value(p, r, c);
        if (is(f->poison, p) && r == 0 && c == 0) v = __builtin_nanf("");
        if (is(f->poison, p) && f->type != F32 && r == 0 && c == 0) put_le(&data, 0x7f80, 2);
        else put_value(&data, f->type, v);
      }
    put_format(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":", p->hf,
               is(f->retype, p) ? "I32" : type);
    if (p->rows && is(f->transpose, p)) put_format(&header, "[%d,%d]", p->cols, rows);
    else if (p->rows) put_format(&header, "[%d,%d]", rows, p->cols);
    else put_format(&header, "[%d]", p->cols);
    put_format(&header, ",\"data_offsets\":[%zu,%zu]}", begin - (is(f->shift, p) ? 32 : 0),
               data.n - (is(f->shift, p) ? 32 : 0));
  }
  if (f->extra_tensor) {
    put_format(&header, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[%zu,%zu]}",
               f->extra_tensor, data.n, data.n + 16);
    put_le(&data, 0, 16);
  }
  put_format(&header, "}");
  put_le(&out, header.n, 8);
  put(&out, header.p, header.n);
  put(&out, data.p, data.n);
  free(header.p), free(data.p);
  return out;
}

/* config.json; `extra` goes in verbatim before the end (",\"key\":value"). */
static inline bytes build_config(bool tied, const char *extra) {
  bytes b = {0};
  put_format(&b,
             "{\"model_type\":\"llama\",\"hidden_size\":%d,\"num_hidden_layers\":%d,\n"
             "\"num_attention_heads\":%d,\"num_key_value_heads\":%d,\"head_dim\":%d,\n"
             "\"intermediate_size\":%d,\"vocab_size\":%d,\"max_position_embeddings\":128,\n"
             "\"rms_norm_eps\":1e-05,\"eos_token_id\":2,\"tie_word_embeddings\":%s%s}",
             D, LAYERS, HEADS, KV, HEAD_DIM, FF, VOCAB, tied ? "true" : "false", extra);
  return b;
}

#endif
