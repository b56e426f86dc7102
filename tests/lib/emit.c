/* A proof of a small circuit as JSON, with the library's verdict: for
 * tests/python/test_second_verifier.py. */
#include "circuits.h"

static void hex(const char *name, const uint8_t *b, size_t n, const char *end) {
  printf("\"%s\": \"", name);
  for (size_t i = 0; i < n; i++) printf("%02x", b[i]);
  printf("\"%s", end);
}

int main(int argc, char **argv) {
  proved p;
  vft_circuit *c = small_circuit(argc > 1 ? (unsigned)atoi(argv[1]) : 3);
  prove_hiding(&p, c, 8, 0);
  vft_circuit_free(c);
  circuit_shape shape = shape_of(&p);
  uint64_t *input = calloc(p.inputs, sizeof *input);
  for (size_t i = 0; i < p.inputs; i++) input[i] = p.input[i].v;
  int verdict = vft_verify_circuit(&shape, p.root.b, input, p.inputs, p.proof.bytes,
                                         p.proof.len, NULL);
  const uint32_t *number = &shape.log_columns;
  printf("{\"verdict\": %d, \"shape\": [", verdict);
  for (size_t i = 0; i < sizeof shape / sizeof *number; i++) printf(i ? ", %u" : "%u", number[i]);
  printf("], ");
  hex("key", p.root.b, 32, ", \"inputs\": [");
  for (size_t i = 0; i < p.inputs; i++)
    printf("%s\"%llu\"", i ? ", " : "", (unsigned long long)input[i]);
  printf("], ");
  hex("proof", p.proof.bytes, p.proof.len, "}\n");
  free(input);
  proved_free(&p);
  return verdict;
}
