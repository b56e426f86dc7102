/* src/relation/program.c for the library: recurse/machine.h is the one builder of programs, and what
 * it builds needs no checks of its names, indices and bounds (tests/lib). Names, terms and sizes are in
 * the program's arena already. */
#include "relation/program.h"

#include <string.h>

struct vft_program_index {
  uint32_t *definition;
  uint32_t tensors, definitions, relations, lookups, tables, links, outputs;
};

static bool reserve(vft_program *p, void **array, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return true;
  uint32_t want = *cap ? 2 * *cap : 64;
  void *fresh = vft_arena_alloc(&p->arena, want, size);
  if (!fresh) return false;
  if (n) memcpy(fresh, *array, n * size);
  *array = fresh;
  *cap = want;
  return true;
}

#define ROOM(p, array, n, cap) reserve(p, (void **)&(array), n, &(p)->index->cap, sizeof *(array))

vft_program *vft_program_new(const char *name, uint32_t log_columns) {
  vft_arena arena = {NULL};
  vft_program *p = vft_arena_alloc(&arena, 1, sizeof *p);
  struct vft_program_index *x = vft_arena_alloc(&arena, 1, sizeof *x);
  if (!p || !x) {
    vft_arena_free(&arena);
    return NULL;
  }
  p->index = x;
  p->name = name;
  p->log_columns = log_columns;
  p->arena = arena;
  return p;
}

void vft_program_free(vft_program *program) {
  if (!program) return;
  vft_arena arena = program->arena;
  vft_arena_free(&arena);
}

size_t vft_tensor_count(const vft_tensor *tensor) {
  size_t n = 1;
  for (uint32_t a = 0; a < tensor->rank; a++) n *= tensor->dims[a];
  return n;
}

int64_t vft_field_signed(vft_fp x) {
  return x.v <= VFT_P / 2 ? (int64_t)x.v : (int64_t)(x.v - VFT_P); /* modulo 2^64 */
}

uint32_t vft_program_definition(const vft_program *program, vft_tensor_id id) {
  return program->index->definition[id];
}

uint32_t vft_program_add_link(vft_program *p, const char *name, bool is_output) {
  if (!ROOM(p, p->link_names, p->nlinks, links) || !ROOM(p, p->link_output, p->nlinks, outputs))
    return UINT32_MAX;
  p->link_output[p->nlinks] = is_output;
  p->link_names[p->nlinks] = name;
  return p->nlinks++;
}

vft_tensor_id vft_program_add_tensor(vft_program *p, const vft_tensor *tensor) {
  if (!ROOM(p, p->tensors, p->ntensors, tensors) ||
      !ROOM(p, p->index->definition, p->ntensors, definitions))
    return VFT_NO_TENSOR;
  vft_tensor *t = &p->tensors[p->ntensors];
  *t = *tensor;
  if (t->values) {
    size_t n = vft_tensor_count(t);
    int64_t *copy = vft_arena_alloc(&p->arena, n, sizeof *copy);
    if (!copy) return VFT_NO_TENSOR;
    memcpy(copy, t->values, n * sizeof *copy);
    t->values = copy;
  }
  p->index->definition[p->ntensors] = UINT32_MAX;
  return p->ntensors++;
}

uint32_t vft_program_add_relation(vft_program *p, const vft_relation *relation) {
  if (!ROOM(p, p->relations, p->nrelations, relations)) return UINT32_MAX;
  p->relations[p->nrelations] = *relation;
  if (relation->kind == VFT_DEFINE)
    p->index->definition[relation->target] = p->nrelations;
  else
    p->relations[p->nrelations].target = VFT_NO_TENSOR;
  return p->nrelations++;
}

uint32_t vft_program_add_lookup(vft_program *p, const vft_lookup *lookup) {
  if (!ROOM(p, p->lookups, p->nlookups, lookups)) return UINT32_MAX;
  p->lookups[p->nlookups] = *lookup;
  return p->nlookups++;
}

uint32_t vft_program_add_table(vft_program *p, const vft_table *table) {
  if (!ROOM(p, p->tables, p->ntables, tables)) return UINT32_MAX;
  p->tables[p->ntables] = *table;
  return p->ntables++;
}

/* The machine defines its tensors in order. */
vft_status vft_program_virtual_order(const vft_program *program, vft_tensor_id *order,
                                     uint32_t *count) {
  *count = 0;
  for (uint32_t id = 0; id < program->ntensors; id++)
    if (program->tensors[id].origin == VFT_VIRTUAL) order[(*count)++] = id;
  return VFT_OK;
}
