/* The loops of rows.h compiled for AVX2. */
#ifdef __x86_64__

#include "train/rows.h"
#include "train/rows_loops.h"

const vft_rows_ops vft_rows_avx2 = {
    .load = loop_load,
    .multiply = loop_multiply,
    .store = loop_store,
    .add_scaled = loop_add_scaled,
    .sum = loop_sum,
    .requantise = loop_requantise,
    .divide = vft_rows_divide,
    .square_root = vft_rows_square_root,
    .limb = loop_limb,
    .affine = loop_affine,
    .top = loop_top,
    .below = loop_below,
    .inside = loop_inside,
};

#endif
