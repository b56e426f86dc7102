/* The base model as float32 arrays in one layout, whatever file it came from.
 *
 * Architecture: Llama (RMSNorm, rotary positions, grouped-query attention, SwiGLU, tied or untied
 * head).  Sources: a GGUF v3 file, or a Hugging Face folder (config.json and safetensors).
 * Files with equal weights give identical arrays: matrices are row-major [out][in], values are
 * the exact float32 dequantisation, and the rows of wq and wk are always in the Hugging Face
 * order ("halves": feature i of a head is rotated with feature i + head_dim/2); GGUF's
 * interleaved order is undone on reading. */
#ifndef VFT_MODEL_MODEL_H
#define VFT_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Hyperparameters. Ranges hold for every loaded model (vft_arch_check). */
typedef struct {
  int layers;       /* 1..1024 */
  int d;            /* hidden size, 1..65536 */
  int heads;        /* query heads, 1..1024 */
  int kv_heads;     /* divides heads */
  int head_dim;     /* even, 2..1024; heads*head_dim need not equal d */
  int ff;           /* 1..2^20 */
  int vocab;        /* 1..2^21 */
  int context;      /* longest sequence of the pretraining, 1..2^24 */
  int tied;         /* 1: the head is the embedding */
  float rope_theta; /* finite, > 0; rounded to float32 whatever the source */
  float rms_eps;    /* finite, >= 0; likewise */
  int32_t bos, eos, pad; /* token ids, -1 when the source names none */
} vft_arch;

typedef struct {
  float *attn_norm; /* [d] */
  float *wq;        /* [heads*head_dim][d], halves order */
  float *wk;        /* [kv_heads*head_dim][d], halves order */
  float *wv;        /* [kv_heads*head_dim][d] */
  float *wo;        /* [d][heads*head_dim] */
  float *ffn_norm;  /* [d] */
  float *wgate;     /* [ff][d] */
  float *wup;       /* [ff][d] */
  float *wdown;     /* [d][ff] */
} vft_model_layer;

/* One file the model was read from. */
typedef struct {
  char *name;         /* without its folder */
  uint64_t bytes;
  uint8_t sha256[32];
} vft_model_file;

typedef struct vft_model {
  vft_arch arch;
  float *emb;              /* [vocab][d] */
  vft_model_layer *layer;  /* [arch.layers] */
  float *out_norm;         /* [d] */
  float *out;              /* [vocab][d], NULL when tied */
  vft_model_file *file;    /* sorted by name (bytewise) */
  size_t files;
  /* One file: its SHA-256.  Several: SHA-256 of the lines "<hex sha256>  <name>\n" in the order
   * of `file`, the output of sha256sum.  All zero for a model not read from files. */
  uint8_t digest[32];
} vft_model;

/* Are the numbers within the ranges above? `where` names the source in the message.
 * Fails: VFT_USAGE. */
vft_status vft_arch_check(const vft_arch *arch, const char *where);

/* Zero-filled model of that shape, no files. Fails: VFT_USAGE (ranges), VFT_RESOURCE. */
vft_status vft_model_alloc(const vft_arch *arch, vft_model *out);

/* Reads `path`: a .gguf file, a folder with config.json and model.safetensors (or
 * model.safetensors.index.json and its shards), or a .safetensors file beside a config.json.
 * Ensures: every value finite, every tensor of the architecture present with its exact shape,
 *   no unknown tensor.  On failure *out is empty.
 * Fails: VFT_USAGE with one line naming file, field or tensor, and remedy; VFT_RESOURCE. */
vft_status vft_model_load(const char *path, vft_model *out) VFT_MUST_CHECK;

/* Like vft_model_load, but reads hyperparameters and digests only: all weight pointers NULL. */
vft_status vft_model_load_header(const char *path, vft_model *out) VFT_MUST_CHECK;

/* Releases everything and zeroes the struct. Safe on a zeroed struct. */
void vft_model_free(vft_model *model);

/* Number of base parameters (tied head counted once). */
uint64_t vft_model_parameters(const vft_arch *arch);

#endif
