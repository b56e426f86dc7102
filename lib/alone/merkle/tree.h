/* src/merkle/tree.h for the library: there are no trees, only paths in them. */
#ifndef VFT_MERKLE_TREE_H
#define VFT_MERKLE_TREE_H

#include "hash/blake3.h"
#include "hash/kind.h"

typedef struct vft_merkle vft_merkle;

#define vft_merkle_open(tree, positions, count, columns) VFT_USAGE
#define vft_merkle_salts(tree, positions, count, salts) ((void)(salts))
#define vft_merkle_siblings(tree, positions, count, log_cap, siblings) ((void)(siblings))

#endif
