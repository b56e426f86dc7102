/* The linear layer of Poseidon on one half of each word, in additions, for types that the
 * including file names: POSEIDON_V, and POSEIDON_ADD, _SUB, _SHL on it. Integers modulo 2^64: what passes below zero on
 * the way does not matter, for the sums are not (264, the largest row sum, times the inputs).
 *
 * y_r = sum of c_i x_(r+i) + (r == 0 ? 8 x_0 : 0). With i = 4 j + 3 b modulo 12, j modulo 3 and b
 * modulo 4, the sum is circulant in j and in b. For w^4 = 1 let X_j be the sum of w^b x_(4j+3b),
 * Y_j likewise, and C_k the sum of w^-b c_(4k+3b); then Y_j is the sum of C_k X_(j+k), and the C_k
 * are small:
 *   w =  1:  64, 64, 128,
 *   w = -1:  4 times -1, 2, 8,
 *   w =  i:  2 times 2 + i, -16 + i, -1 + 4i,
 * where going back just divides by 4 the former two and by 2 the latter, re + i im, which stands
 * for w = -i too:
 *   y_(4j), y_(4j+6) = one + minus +- re, y_(4j+3), y_(4j+9) = one - minus +- im. */
static inline __attribute__((always_inline)) void poseidon_linear(POSEIDON_V *x) {
  POSEIDON_V s[3], d[3], a[3], b[3], d2[3], d8[3], a2[3], b2[3], a3[3], b3[3], a16[3], b16[3];
  POSEIDON_V diagonal = POSEIDON_SHL(x[0], 3);
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    POSEIDON_V x0 = x[4 * j], x1 = x[(4 * j + 3) % 12], x2 = x[(4 * j + 6) % 12];
    POSEIDON_V x3 = x[(4 * j + 9) % 12];
    POSEIDON_V even = POSEIDON_ADD(x0, x2), odd = POSEIDON_ADD(x1, x3);
    s[j] = POSEIDON_ADD(even, odd), d[j] = POSEIDON_SUB(even, odd);
    a[j] = POSEIDON_SUB(x0, x2), b[j] = POSEIDON_SUB(x1, x3);
    d2[j] = POSEIDON_ADD(d[j], d[j]), d8[j] = POSEIDON_SHL(d[j], 3);
    a2[j] = POSEIDON_ADD(a[j], a[j]), a3[j] = POSEIDON_ADD(a2[j], a[j]);
    b2[j] = POSEIDON_ADD(b[j], b[j]), b3[j] = POSEIDON_ADD(b2[j], b[j]);
    a16[j] = POSEIDON_SHL(a[j], 4), b16[j] = POSEIDON_SHL(b[j], 4);
  }
  POSEIDON_V ts = POSEIDON_ADD(s[0], POSEIDON_ADD(s[1], s[2]));
  POSEIDON_V ta = POSEIDON_ADD(a[0], POSEIDON_ADD(a[1], a[2]));
  POSEIDON_V tb = POSEIDON_ADD(b[0], POSEIDON_ADD(b[1], b[2]));
  _Pragma("GCC unroll 3") for (int j = 0; j < 3; j++) {
    int k = (j + 1) % 3, l = (j + 2) % 3;
    POSEIDON_V one = POSEIDON_SHL(POSEIDON_ADD(ts, s[l]), 4);
    POSEIDON_V minus = POSEIDON_SUB(POSEIDON_ADD(d2[k], d8[l]), d[j]);
    /* 2 + i, -16 + i, -1 + 4i are i everywhere and 2, -16, -1 + 3i. */
    POSEIDON_V re = POSEIDON_SUB(POSEIDON_SUB(a2[j], a16[k]),
                                 POSEIDON_ADD(a[l], POSEIDON_ADD(tb, b3[l])));
    POSEIDON_V im = POSEIDON_ADD(POSEIDON_SUB(b2[j], b16[k]),
                                 POSEIDON_SUB(POSEIDON_ADD(ta, a3[l]), b[l]));
    POSEIDON_V even = POSEIDON_ADD(one, minus), odd = POSEIDON_SUB(one, minus);
    x[4 * j] = POSEIDON_ADD(even, re), x[(4 * j + 6) % 12] = POSEIDON_SUB(even, re);
    x[(4 * j + 3) % 12] = POSEIDON_ADD(odd, im), x[(4 * j + 9) % 12] = POSEIDON_SUB(odd, im);
  }
  x[0] = POSEIDON_ADD(x[0], diagonal);
}
