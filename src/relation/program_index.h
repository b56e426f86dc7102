/* Private part of vft_program: names, definitions, capacities of the growing arrays. */
#ifndef VFT_RELATION_PROGRAM_INDEX_H
#define VFT_RELATION_PROGRAM_INDEX_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *name; /* NULL: free */
  uint32_t id;
  char kind; /* t, r, l, f, k, o: tensor, relation, lookup, table (function), link, oracle */
} vft_name_slot;

struct vft_program_index {
  vft_name_slot *slot; /* open addressing, at most half full */
  size_t slots, used;
  uint32_t *definition; /* per tensor: its DEFINE relation or UINT32_MAX */
  uint32_t cap_tensors, cap_definitions, cap_relations, cap_lookups, cap_tables;
  uint32_t cap_links, cap_outputs, cap_oracles;
};

#endif
