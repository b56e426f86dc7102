#include "hide/verify.h"

#include <string.h>

#include "hide/opening.h"

vft_status vft_hide_verify(const vft_statement *statement, const vft_proof_options *options,
                           const uint8_t *proof, size_t len, const vft_ext *lambda,
                           vft_soundness *soundness) {
  const vft_program *p = statement->program;
  vft_status st = VFT_OK;
  vft_hidden h;
  vft_trees trees;
  vft_public *pub = NULL;
  vft_channel *ch = NULL;
  vft_digest witness_root;
  vft_digest *root = vft_alloc((size_t)p->nlinks + 1, sizeof *root);
  memset(&h, 0, sizeof h);
  memset(&trees, 0, sizeof trees);
  memset(&witness_root, 0, sizeof witness_root);
  if (!root) return VFT_RESOURCE;
  if (options->hash != VFT_HASH_BLAKE3) {
    st = vft_fail(VFT_USAGE, "hiding proof: only under BLAKE3");
    goto out;
  }
  TRY_OUT(vft_statement_values(statement, &pub));
  ch = vft_channel_verifier(vft_hiding_protocol_name, options->hash, proof, len);
  if (!ch) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_hidden_run(&h, statement, pub, options, ch, &witness_root, soundness, NULL));
  TRY_OUT(vft_hide_trees(&trees, p, vft_hidden_randoms(&h)));
  for (uint32_t l = 0; l < p->nlinks; l++) root[l] = statement->link_root[l];
  root[trees.witness] = witness_root;
  TRY_OUT(vft_hide_open(ch, &h, &trees, root, p->log_columns, options, NULL, lambda, soundness));
  TRY_OUT(vft_channel_finish(ch));
out:
  vft_trees_free(&trees);
  vft_hidden_free(&h);
  vft_channel_free(ch);
  vft_free(pub);
  vft_free(root);
  return st;
}
