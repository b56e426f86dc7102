/* Makes src/recurse/keys.c: the roots of the wiring of the node and of the outermost circuit.
 *
 *     vk > keys.c
 *
 * The outermost circuit has the nodes' key as a constant: made twice, a stale one differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recurse/outer.h"

static void check(vft_status st) {
  if (st == VFT_OK) return;
  fprintf(stderr, "vk: %s\n", vft_error_message());
  exit(1);
}

static void show(const char *name, const uint8_t key[32]) {
  printf("const uint8_t %s[32] = {", name);
  for (int i = 0; i < 32; i++) printf("%s0x%02x%s", i % 12 ? " " : "\n    ", key[i], i < 31 ? "," : "");
  printf("};\n");
}

int main(int argc, char **argv) {
  static const vft_fp statement[VFT_CERT_ELEMENTS];
  vft_machine *node;
  vft_circuit *c;
  vft_circuit_key key;
  uint8_t node_key[32];
  vft_machine_shape shape = vft_node_shape();
  int counts = argc > 1 && !strcmp(argv[1], "--counts");
  check(vft_machine_build(&shape, &node));
  const vft_node_child child[2] = {{1, 0, 1, NULL, 0}, {1, 1, 2, NULL, 0}};
  check(vft_node_join(node, NULL, statement, child, &c));
  if (counts) vft_circuit_print(c, stdout);
  check(vft_circuit_key_make(c, &shape, 0, NULL, &key));
  memcpy(node_key, key.key.b, 32);
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
  vft_bits bits;
  vft_outer_witness w = {.root = {.kind = 0, .end = 2}, .account = &bits};
  check(vft_outer_make(node, statement, &w, &c));
  if (counts) vft_circuit_print(c, stdout);
  shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  check(vft_circuit_key_make(c, &shape, 0, &options, &key));
  if (!counts) {
    printf("/* Made by tools/vk.c (make vk). */\n#include \"recurse/certificate.h\"\n\n");
    show("vft_node_key", node_key);
    show("vft_outer_key", key.key.b);
    printf("const vft_bits vft_node_bits = %lld;\n", (long long)bits);
  }
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
  vft_machine_free(node);
  return 0;
}
