/* Makes src/recurse/keys.c: the roots of the wiring of the node and of the outermost circuit, and how
 * the proof of the latter is opened.
 *
 *     vk > keys.c
 *
 * The outermost circuit has the nodes' key as a constant: made twice, a stale one differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hide/opening.h"
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

/* ---- the outermost proof's opening ---- */

static vft_status zeros(void *ctx, void *out, size_t n) {
  (void)ctx;
  memset(out, 0, n);
  return VFT_OK;
}

static vft_status no_late(void *ctx, const vft_hidden *h, vft_ext *late) {
  (void)ctx, (void)h, (void)late; /* zeros as they are */
  return VFT_OK;
}

static void no_cross(void *ctx, const vft_hidden *h, vft_ext rho, vft_ext c[2]) {
  (void)ctx, (void)h, (void)rho, (void)c;
}

static void no_factors(void *ctx, const vft_hidden *h, vft_ext chi, vft_ext *x) {
  (void)ctx, (void)h, (void)chi, (void)x;
}

static vft_status show_opening(void *ctx, vft_channel *ch, const vft_whir_params *p,
                               const vft_hiding_shape *s, const vft_hiding_claim *claim,
                               const vft_opening *opening) {
  (void)ctx, (void)ch, (void)claim, (void)opening;
  printf("const vft_hiding_shape vft_outer_opening = {%u, %u, %u, %u, %u, %u, %u};\n", s->c,
         s->log_inv_rate, s->k0, s->tail, s->bits, s->grind, s->test_queries);
  printf("const vft_whir_params vft_outer_params = {\n    %u,\n    {", p->levels);
  for (unsigned i = 0; i < p->levels; i++)
    printf("%s{%u, %u, %u, %u, %u, %u}", i ? ", " : "", p->level[i].row_vars, p->level[i].log_msg,
           p->level[i].log_inv_rate, p->level[i].grind, p->level[i].tail, p->level[i].queries);
  printf("},\n    %u,\n    false};\n", p->bits);
  return VFT_OK;
}

/* Messages that say nothing, up to the opening: what is opened, and the account, do not depend on
 * what they say. */
static void show_outer(void) {
  vft_machine_shape shape = vft_outer_shape();
  vft_proof_options options = vft_outer_options();
  vft_machine *m;
  vft_fp input[VFT_OUTER_INPUTS] = {{1}, {1}, {1}, {1}};
  int64_t **values;
  vft_public *pub;
  vft_hidden h;
  vft_trees trees;
  vft_soundness account = {0};
  vft_random random = {zeros, NULL};
  vft_hide_hooks hooks = {NULL, no_late, no_cross, no_factors, show_opening};
  check(vft_machine_build(&shape, &m));
  check(vft_machine_inputs(m, input, VFT_OUTER_INPUTS, &values));
  vft_digest root[2] = {{{0}}};
  vft_statement statement = {m->program, (const int64_t *const *)values, root, NULL};
  check(vft_statement_values(&statement, &pub));
  vft_channel *ch = vft_channel_prover(vft_hiding_protocol_name, options.hash);
  if (!ch) check(VFT_RESOURCE);
  check(vft_hidden_run(&h, &statement, pub, &options, ch, &root[1], &account, &random));
  check(vft_hide_trees(&trees, m->program, vft_hidden_randoms(&h)));
  if (trees.ntrees != 2) check(vft_fail(VFT_USAGE, "not a link and a witness"));
  check(vft_hide_open(ch, &h, &trees, root, m->program->log_columns, &options, &hooks, NULL, &account));
  check(vft_soundness_require(&account, VFT_SOUNDNESS_LEVEL));
  printf("const unsigned vft_outer_bits = %u;\n",
         (unsigned)(vft_soundness_total(&account) / VFT_BITS(1)));
  vft_trees_free(&trees);
  vft_hidden_free(&h);
  vft_channel_free(ch);
  vft_soundness_free(&account);
  vft_free(pub);
  vft_free(values);
  vft_machine_free(m);
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
    printf("/* Made by tools/vk.c (make vk). */\n#include \"recurse/certificate.h\"\n"
           "#include \"recurse/outer_params.h\"\n\n");
    show("vft_node_key", node_key);
    show("vft_outer_key", key.key.b);
    printf("const vft_bits vft_node_bits = %lld;\n", (long long)bits);
    show_outer();
  }
  vft_circuit_key_free(&key);
  vft_circuit_free(c);
  vft_machine_free(node);
  return 0;
}
