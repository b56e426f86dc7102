/* The tensors of a model as a list: where each goes, its shape and its name in either format. */
#ifndef VFT_MODEL_MODEL_SLOTS_H
#define VFT_MODEL_MODEL_SLOTS_H

#include "model/model.h"

typedef struct {
  int layer; /* -1: not in a layer; the names below are then complete */
  /* In a layer: "blk.<layer>.<gguf>.weight" and "model.layers.<layer>.<hf>.weight". */
  const char *gguf, *hf;
  size_t place;        /* offset of the pointer in vft_model or vft_model_layer */
  uint64_t rows, cols; /* rows 0: a vector of cols values */
  int rotary_heads;    /* > 0: GGUF holds the rows of that many heads interleaved */
  int absent;          /* the head of a tied model */
} vft_model_slot;

size_t vft_model_slot_count(const vft_arch *arch);
void vft_model_slot_at(const vft_model *model, size_t index, vft_model_slot *slot);
/* Requires: model->layer is allocated when the slot is in a layer. */
float **vft_model_slot_pointer(vft_model *model, const vft_model_slot *slot);
vft_status vft_model_slot_alloc(vft_model *model, const vft_model_slot *slot, int zero);

#endif
