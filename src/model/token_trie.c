#include "model/token_trie.h"

#include "base/mem.h"

/* Nodes are numbers; edges are one hash table keyed by (node, byte), so that a node costs a few
 * bytes whatever its number of children. */
typedef struct {
  uint64_t key; /* (node << 8 | byte) + 1, 0: free */
  uint32_t to;
} edge;
typedef struct {
  int32_t id; /* -1: no string ends here */
  uint8_t kind;
} node;

struct vft_trie {
  edge *slot;
  size_t mask;
  node *node;
  uint32_t nodes;
  bool first[256]; /* bytes that some string begins with */
};

vft_trie *vft_trie_new(size_t bytes) {
  size_t size = 16;
  while (size < 2 * (bytes + 1)) size *= 2;
  vft_trie *t = vft_alloc(1, sizeof *t);
  if (!t) return NULL;
  t->slot = vft_alloc(size, sizeof *t->slot);
  t->node = vft_alloc(bytes + 1, sizeof *t->node);
  if (!t->slot || !t->node) {
    vft_trie_free(t);
    return NULL;
  }
  t->mask = size - 1;
  t->nodes = 1;
  t->node[0].id = -1;
  return t;
}

void vft_trie_free(vft_trie *t) {
  if (!t) return;
  vft_free(t->slot);
  vft_free(t->node);
  vft_free(t);
}

static edge *find(const vft_trie *t, uint32_t from, unsigned char byte) {
  uint64_t key = ((uint64_t)from << 8 | byte) + 1;
  size_t at = (size_t)((key * 0x9e3779b97f4a7c15u) >> 24) & t->mask;
  while (t->slot[at].key && t->slot[at].key != key) at = (at + 1) & t->mask;
  return &t->slot[at];
}

void vft_trie_add(vft_trie *t, vft_slice text, int32_t id, uint8_t kind) {
  uint32_t at = 0;
  t->first[(unsigned char)text.p[0]] = true;
  for (size_t i = 0; i < text.n; i++) {
    unsigned char byte = (unsigned char)text.p[i];
    edge *e = find(t, at, byte);
    if (!e->key) {
      e->key = ((uint64_t)at << 8 | byte) + 1;
      e->to = t->nodes++;
      t->node[e->to].id = -1;
    }
    at = e->to;
  }
  t->node[at] = (node){id, kind};
}

int32_t vft_trie_match(const vft_trie *t, const char *text, size_t length, uint8_t mask,
                       uint8_t wanted, size_t *matched) {
  int32_t best = -1;
  *matched = 0;
  if (!length || !t->first[(unsigned char)text[0]]) return -1;
  uint32_t at = 0;
  for (size_t i = 0; i < length; i++) {
    const edge *e = find(t, at, (unsigned char)text[i]);
    if (!e->key) break;
    at = e->to;
    const node *n = &t->node[at];
    if (n->id >= 0 && (n->kind & mask) == wanted) {
      best = n->id;
      *matched = i + 1;
    }
  }
  return best;
}
