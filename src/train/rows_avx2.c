/* The loops of rows.h compiled for AVX2. */
#ifdef __x86_64__

#include "train/rows.h"
#include "train/rows_loops.h"

const vft_rows_ops vft_rows_avx2 = {
    ROWS_LOOPS,
    .divide = vft_rows_divide,
    .square_root = vft_rows_square_root,
};

#endif
