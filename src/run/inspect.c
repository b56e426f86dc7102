#include "run/inspect.h"

#include <inttypes.h>
#include <string.h>

#include "model/inspect.h"
#include "prove/prove.h"
#include "relation/program.h"
#include "run/certificate.h"
#include "run/range.h"
#include "run/derive.h"
#include "run/files.h"
#include "run/manifest.h"
#include "run/plan.h"
#include "run/proof_file.h"

static void hex_line(FILE *out, const char *name, const uint8_t *b) {
  char hex[65];
  vft_hex(b, 32, hex);
  fprintf(out, "  %-15s %s\n", name, hex);
}

static void targets_line(FILE *out, unsigned targets) {
  fprintf(out, "  targets        ");
  for (int p = 0; p < 7; p++)
    if (targets >> p & 1) fprintf(out, " %s", vft_projection_names[p]);
  fputc('\n', out);
}

/* ---- manifest ---- */

static vft_status program_lines(const vft_manifest *m, FILE *out) {
  vft_step *step;
  vft_cost cost;
  TRY(vft_derive_from_manifest(m, &step));
  vft_status st = vft_program_cost(step->program, &cost);
  if (st == VFT_OK) {
    fprintf(out, "  one step        %zu committed integers, %zu lookups, %u relations; rows of "
                 "2^%u\n",
            cost.witness + cost.link, cost.lookups, step->program->nrelations, m->log_columns);
    fprintf(out, "  oracles         %zu base parameters and table entries\n", cost.oracle);
  }
  vft_fp context[VFT_CONTEXT_MAX];
  vft_cut whole = vft_cut_even(m->shape.layers, 0);
  vft_proof_options options = vft_cut_options(m, &whole, 0, 0, context);
  vft_prove_plan fast = {0}, lean = {0};
  const vft_prove_options keep = {.keep_codewords = true}, save = {.recompute = 3};
  if (st == VFT_OK) st = vft_prove_plan_init(&fast, step->program, &options, &keep);
  if (st == VFT_OK) st = vft_prove_plan_init(&lean, step->program, &options, &save);
  if (st == VFT_OK)
    fprintf(out, "  in one proof    at most %zu MB beside its trace, %zu MB in the lean way\n",
            fast.peak / 1000000, lean.peak / 1000000);
  vft_step_free(step);
  return st;
}

static void data_lines(const vft_sampling *s, FILE *out) {
  uint8_t root[32];
  vft_poseidon_bytes(&s->root, root);
  hex_line(out, "c_D", root);
  fprintf(out, "  classes         %zu, a path of %u nodes\n", s->classes, s->height);
  if (s->policy.given)
    fprintf(out, "  policy          given, %zu quotas\n", s->policy.quotas);
  else
    fprintf(out, "  policy          none\n");
  fprintf(out, "  sampler         %s%s, %" PRIu64 " steps an epoch of at most %" PRIu64
               " candidates\n",
          vft_sampler_mode_names[s->mode], s->replacement ? ", with replacement" : "",
          s->steps_per_epoch, s->candidates);
  if (s->has_beacon)
    fprintf(out, "  beacon          %s, round %" PRIu64 "\n", s->beacon_source, s->beacon_round);
}

static vft_status inspect_manifest(const char *path, FILE *out) {
  static const char *const schedule[] = {"cosine", "linear", "constant"};
  vft_manifest m;
  TRY(vft_manifest_load(path, &m));
  const vft_step_shape *s = &m.shape;
  fprintf(out, "Manifest of a run (%s), %zu bytes\n", VFT_MANIFEST_FORMAT, m.length);
  hex_line(out, "h_Pi", m.digest);
  fprintf(out, "Base model: %d layers, hidden size %d, %d heads (%d key/value) of %d, "
               "feed-forward %d, vocabulary %d, %s head\n",
          s->layers, s->d, s->groups * s->per_group, s->groups, s->head_dim, s->ff, s->vocab,
          s->tied ? "tied" : "separate");
  for (size_t i = 0; i < m.files; i++)
    fprintf(out, "  file            %s, %" PRIu64 " bytes\n", m.file[i].name, m.file[i].bytes);
  hex_line(out, "file digest", m.model_digest);
  hex_line(out, "h0", m.h0.b);
  fprintf(out, "Records: %" PRIu64 ", template %s, sequence_len %d\n", m.sampling.records,
          m.template_name, s->positions);
  for (size_t i = 0; i < m.sources; i++)
    fprintf(out, "  source          %s (%s), %" PRIu64 " records, %" PRIu64 " used\n",
            m.source[i].name, m.source[i].type, m.source[i].records, m.source[i].used);
  data_lines(&m.sampling, out);
  fprintf(out, "Adapter: LoRA of rank %d, alpha %d, seed %" PRIu64 "\n", s->rank, m.alpha, m.seed);
  targets_line(out, s->adapted);
  fprintf(out, "Optimiser: AdamW, learning rate %s (%s, %" PRIu64 " warmup steps), weight decay "
               "%s, beta1 %s, beta2 %s, epsilon %s, clipping %s\n",
          m.learning_rate, schedule[m.schedule], m.warmup_steps, m.weight_decay, m.beta1, m.beta2,
          m.epsilon, s->clip ? m.max_grad_norm : "off");
  fprintf(out, "Steps: %" PRIu64 " of %d sequences of %d positions\n", m.steps, s->sequences,
          s->positions);
  fprintf(out, "Proofs: %s, %d bits\n", VFT_PROTOCOL_NAME, VFT_SECURITY_BITS);
  hex_line(out, "program", m.program.b);
  hex_line(out, "tables", m.tables.b);
  hex_line(out, "initial adapter", m.initial_adapter.b);
  hex_line(out, "initial state", m.initial_state.b);
  vft_status st = program_lines(&m, out);
  vft_manifest_free(&m);
  return st;
}

/* ---- proofs and checkpoints ---- */

static vft_status inspect_step(const char *path, FILE *out) {
  vft_step_file f;
  TRY(vft_step_file_read(path, &f));
  fprintf(out, "Proof of training step %" PRIu64 ", shard %u, %zu bytes (not verified: vft verify "
               "does)\n", f.step, f.shard, f.length);
  hex_line(out, "h_Pi", f.manifest);
  for (uint32_t l = 0; l < f.links; l++) {
    char name[32];
    snprintf(name, sizeof name, "link %u", l);
    hex_line(out, name, f.link[l].b);
  }
  vft_step_file_free(&f);
  return VFT_OK;
}

static vft_status inspect_epoch(const char *path, FILE *out) {
  vft_epoch_file f;
  uint8_t counters[32];
  TRY(vft_epoch_file_read(path, &f));
  vft_poseidon_bytes(&f.counters, counters);
  fprintf(out, "Proof of epoch %" PRIu64 ", block %u of its candidates, %zu bytes (not verified: vft "
               "verify does)\n", f.epoch, f.block, f.length);
  hex_line(out, "h_Pi", f.manifest);
  hex_line(out, "rows", f.link[0].b);
  hex_line(out, "counters before", f.link[1].b);
  hex_line(out, "counters after", f.link[2].b);
  hex_line(out, "their digest", counters);
  vft_free(f.proof);
  return VFT_OK;
}

static vft_status inspect_oracles(const char *path, FILE *out) {
  vft_oracle_file f;
  TRY(vft_oracle_file_read(path, &f));
  fprintf(out, "Opening of base weights and tables for %" PRIu64 " step proofs, %zu bytes (not "
               "verified: vft verify does)\n", f.steps, f.length);
  hex_line(out, "h_Pi", f.manifest);
  vft_oracle_file_free(&f);
  return VFT_OK;
}

static void digest_line(FILE *out, const char *name, const vft_poseidon_digest *d) {
  uint8_t bytes[32];
  vft_poseidon_bytes(d, bytes);
  hex_line(out, name, bytes);
}

static vft_status inspect_certificate(const char *path, FILE *out) {
  vft_certificate c;
  TRY(vft_certificate_read(path, &c));
  if (!c.span || c.epoch >= c.epochs || c.span > c.epochs - c.epoch) {
    vft_certificate_free(&c);
    return vft_reject("certificate/epochs", "%s: of epochs that its run has not", path);
  }
  bool all = !c.epoch && c.span == c.epochs, releases = c.epoch + c.span == c.epochs && (!c.cut.n || all);
  if (all)
    fprintf(out, "Certificate of a run, a proof of %zu bytes (not verified: vft verify does)\n", c.length);
  else
    fprintf(out, "Certificate of epochs %" PRIu64 " to %" PRIu64 ", a proof of %zu bytes (not verified: vft "
                 "verify does)\n", c.epoch, c.epoch + c.span - 1, c.length);
  hex_line(out, "h_Pi", c.manifest);
  fprintf(out, "  made of         proofs of %d step%s, %" PRIu64 " epoch%s of %u block%s of "
               "candidates\n",
          c.cut.steps, c.cut.steps == 1 ? "" : "s", c.epochs, c.epochs == 1 ? "" : "s", c.blocks,
          c.blocks == 1 ? "" : "s");
  for (int r = 0; r < c.cut.n; r++)
    fprintf(out, "  range %-9d %d layers\n", r, c.cut.count[r]);
  fprintf(out, "  leaves          of at most %u proofs; claims opened for %u groups of steps together\n",
          c.choice.shards, c.choice.groups);
  for (uint64_t i = 0; i < c.epochs * c.blocks; i++) {
    char name[48];
    snprintf(name, sizeof name, "counters %" PRIu64 ".%" PRIu64, i / c.blocks, i % c.blocks);
    digest_line(out, name, &c.counters[i]);
  }
  for (uint64_t i = 0; i < c.windows; i++) {
    char name[32];
    snprintf(name, sizeof name, "window key %" PRIu64, i);
    digest_line(out, name, &c.window[i]);
  }
  if (c.has_beacon) hex_line(out, "beacon", c.beacon);
  if (c.epoch) digest_line(out, "commits before", &c.start);
  hex_line(out, releases ? "adapter" : "commits after", c.released.b);
  vft_certificate_free(&c);
  return VFT_OK;
}

static vft_status inspect_epochs(const char *path, FILE *out) {
  vft_epochs_certificate *c = vft_alloc(1, sizeof *c);
  if (!c) return VFT_RESOURCE;
  vft_status st = vft_epochs_certificate_read(path, c);
  if (st == VFT_OK) {
    fprintf(out, "Proof of epochs %" PRIu64 " to %" PRIu64 " that vft fold joins, of %zu bytes (not "
                 "verified: vft verify does; not zero-knowledge)\n", c->epoch, c->epoch + c->epochs - 1,
            c->head.length);
    hex_line(out, "h_Pi", c->head.manifest);
    fprintf(out, "  items           %" PRIu64 " to %" PRIu64 "\n", c->first, c->end - 1);
    digest_line(out, "state before", &c->state[0].leaf);
    digest_line(out, "state after", &c->state[1].leaf);
  }
  vft_epochs_certificate_free(c);
  vft_free(c);
  return st;
}

/* RUN/private/aggregate: bare proofs, told by their names. */
static bool is_kept(const char *path, char kind[5], uint64_t *first, uint64_t *end) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  int read = 0;
  return sscanf(name, "%4[a-z]_%" SCNu64 "_%" SCNu64 ".proof%n", kind, first, end, &read) == 3 &&
         read && !name[read] && *first < *end && (!strcmp(kind, "leaf") || !strcmp(kind, "node"));
}

static vft_status inspect_kept(const char *path, bool leaf, uint64_t first, uint64_t end, FILE *out) {
  vft_bytes bytes = {0};
  TRY(vft_file_read(path, VFT_CERTIFICATE_MAX, VFT_USAGE, &bytes));
  fprintf(out, "Kept proof of an aggregation, %zu bytes (not verified: vft aggregate --resume does)\n",
          bytes.size);
  if (leaf)
    fprintf(out, "  leaf            verifies one proof of the run, of items %" PRIu64 " to %" PRIu64
                 "\n", first, end - 1);
  else
    fprintf(out, "  node            verifies two such proofs, together of items %" PRIu64 " to %" PRIu64
                 "\n", first, end - 1);
  fprintf(out, "  items           a run's steps, then the blocks of its epochs, from 0\n");
  vft_bytes_free(&bytes);
  return VFT_OK;
}

static vft_status inspect_checkpoint(const char *path, FILE *out) {
  vft_bytes file;
  TRY(vft_file_read(path, SIZE_MAX >> 1, VFT_USAGE, &file));
  vft_reader r = {file.data, file.size, 8, false};
  uint32_t version = vft_reader_u32(&r);
  const uint8_t *h_pi = vft_reader_bytes(&r, 32);
  uint64_t step = vft_reader_u64(&r), elements = 0, bytes = 0;
  uint32_t arrays = vft_reader_u32(&r);
  for (uint32_t i = 0; !r.failed && i < arrays; i++) {
    uint64_t n = vft_reader_u64(&r);
    elements += n;
    bytes += n * vft_reader_u32(&r);
  }
  vft_status st = VFT_OK;
  if (r.failed || version != 1 || bytes + 32 != r.size - r.at) {
    st = vft_fail(VFT_USAGE, "%s: a damaged checkpoint or one of another version", path);
  } else {
    vft_digest sum = vft_blake3_hash(file.data, file.size - 32);
    fprintf(out, "Checkpoint after %" PRIu64 " steps: %u arrays, %" PRIu64 " integers, checksum "
                 "%s\n",
            step, arrays, elements,
            memcmp(sum.b, file.data + file.size - 32, 32) ? "WRONG" : "right");
    hex_line(out, "h_Pi", h_pi);
  }
  vft_bytes_free(&file);
  return st;
}

/* ---- other documents ---- */

/* The manifest in words; the others, which are short, by what they are and as they are. */
static vft_status inspect_json(const char *path, FILE *out) {
  static const struct {
    const char *format, *words;
  } known[] = {{"vft-windows/1", "Keys of the public windows of a hybrid run"},
               {"vft-beacon/1", "Value of the beacon of a run"},
               {"vft-counter/1", "An opened counter of an epoch (vft verify checks it)"},
               {"vft-shards/1", "How the steps of a run are cut into shards"},
               {"vft-job/1", "A shard to prove (vft worker run)"},
               {"vft-dataset/2", "Public description of a committed dataset"}};
  vft_bytes text;
  json_error_t error;
  TRY(vft_file_read(path, 64 << 20, VFT_USAGE, &text));
  json_t *root = json_loadb((const char *)text.data, text.size, 0, &error);
  vft_bytes_free(&text);
  const char *format = json_string_value(json_object_get(root, "format"));
  for (size_t i = 0; format && i < sizeof known / sizeof *known; i++) {
    if (strcmp(format, known[i].format)) continue;
    fprintf(out, "%s\n", known[i].words);
    int failed = json_dumpf(root, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(root);
    return failed ? vft_fail(VFT_RESOURCE, "%s: cannot be written", path) : VFT_OK;
  }
  json_decref(root);
  return inspect_manifest(path, out);
}

/* ---- folders ---- */

static vft_status inspect_adapter(const char *path, FILE *out) {
  vft_arena arena = {0};
  vft_bytes config = {0};
  char *name = vft_run_path(&arena, path, "adapter_config.json");
  char *weights = vft_run_path(&arena, path, "adapter_model.safetensors");
  vft_status st = VFT_RESOURCE;
  if (!name || !weights) goto out;
  TRY_OUT(vft_file_read(name, 1 << 20, VFT_USAGE, &config));
  fprintf(out, "PEFT adapter\n%.*s", (int)config.size, (const char *)config.data);
  if (vft_file_exists(weights)) st = vft_inspect_model(weights, out);
out:
  vft_bytes_free(&config);
  vft_arena_free(&arena);
  return st;
}

/* Proofs from step 0 on, up to the first that is not there. */
static uint64_t count_proofs(const char *folder, const vft_cut *cut, const vft_manifest *m) {
  uint64_t have = 0, steps = m->steps, t;
  for (uint64_t g = 0; g < vft_cut_groups(cut, m); g++)
    for (uint32_t i = 0; i < vft_cut_shards(cut); i++) {
      vft_arena arena = {0};
      (void)vft_cut_group(cut, m, g, &t);
      char *path = vft_shard_file_path(&arena, folder, cut, t, i, steps);
      bool there = path && vft_file_exists(path);
      vft_arena_free(&arena);
      if (!there) return have;
      have++;
    }
  return have;
}

static vft_status inspect_folder(const char *path, FILE *out) {
  static const char *const place[] = {"public/manifest.json", "manifest.json"};
  vft_arena arena = {0};
  vft_status st = VFT_USAGE;
  char *adapter = vft_run_path(&arena, path, "adapter_config.json");
  if (adapter && vft_file_exists(adapter)) {
    st = inspect_adapter(path, out);
    goto out;
  }
  for (int i = 0; i < 2; i++) {
    char *manifest = vft_run_path(&arena, path, place[i]);
    if (!manifest || !vft_file_exists(manifest)) continue;
    vft_manifest m;
    TRY_OUT(vft_manifest_load(manifest, &m));
    vft_cut cut = vft_cut_even(m.shape.layers, 0);
    char *proofs = vft_run_path(&arena, path, i ? "proofs" : "public/proofs");
    if (proofs && vft_cut_exists(proofs)) st = vft_cut_read(proofs, m.shape.layers, &cut);
    else st = VFT_OK;
    if (proofs && st == VFT_OK)
      fprintf(out, "Run folder: %" PRIu64 " of %" PRIu64 " proofs of %" PRIu64 " steps\n",
              count_proofs(proofs, &cut, &m), vft_cut_groups(&cut, &m) * vft_cut_shards(&cut),
              m.steps);
    vft_manifest_free(&m);
    if (st != VFT_OK) goto out;
    char *certificate = vft_run_path(&arena, path, i ? "certificate.vft" : "public/certificate.vft");
    if (certificate && vft_file_exists(certificate))
      fprintf(out, "  certificate     %s\n", certificate);
    st = inspect_manifest(manifest, out);
    goto out;
  }
  char *model = vft_run_path(&arena, path, "model.safetensors");
  if (model && vft_inspect_is_model(model)) {
    st = vft_inspect_model(model, out);
    goto out;
  }
  st = vft_fail(VFT_USAGE, "%s: neither a run, nor an adapter, nor a model", path);
out:
  vft_arena_free(&arena);
  return st;
}

vft_status vft_inspect(const char *path, FILE *out) {
  char head[8] = "";
  if (vft_folder_exists(path)) return inspect_folder(path, out);
  FILE *f = fopen(path, "rb");
  size_t n = f ? fread(head, 1, sizeof head, f) : 0;
  if (f) fclose(f);
  if (!f) return vft_fail(VFT_USAGE, "%s: cannot be read", path);
  if (n == 8 && !memcmp(head, "VFTSTEP1", 8)) return inspect_step(path, out);
  if (n == 8 && !memcmp(head, "VFTEPOC1", 8)) return inspect_epoch(path, out);
  if (n == 8 && !memcmp(head, "VFTORCL1", 8)) return inspect_oracles(path, out);
  if (n == 8 && !memcmp(head, "VFTCKPT1", 8)) return inspect_checkpoint(path, out);
  if (n == 8 && !memcmp(head, "VFTCERT1", 8)) return inspect_certificate(path, out);
  if (n == 8 && !memcmp(head, "VFTRANG1", 8)) return inspect_epochs(path, out);
  char kind[5];
  uint64_t first, end;
  if (is_kept(path, kind, &first, &end)) return inspect_kept(path, *kind == 'l', first, end, out);
  if (n && head[0] == '{') return inspect_json(path, out);
  if (vft_inspect_is_model(path)) return vft_inspect_model(path, out);
  return vft_fail(VFT_USAGE, "%s: not a manifest, proof, certificate, checkpoint, adapter, GGUF or "
                             "safetensors file", path);
}
