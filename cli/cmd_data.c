#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "cli.h"
#include "cmd_data.h"
#include "data/canonical_json.h"
#include "data/dataset.h"
#include "data/member.h"
#include "data/policy.h"
#include "run/data_folder.h"
#include "run/files.h"
#include "run/manifest.h"
#include "run/progress.h"

/* ---- shared ---- */

static void digest_hex(const vft_poseidon_digest *d, char hex[65]) {
  uint8_t bytes[32];
  vft_poseidon_bytes(d, bytes);
  vft_hex(bytes, 32, hex);
}

static void print_digest(const char *name, const vft_poseidon_digest *d) {
  char hex[65];
  digest_hex(d, hex);
  printf("%-9s %s\n", name, hex);
}

/* ---- counts ---- */

static const char *const count_names[] = {"source", "license", "language", "domain", "tag"};
enum { KINDS = 5, SHOWN = 24 };

/* The most frequent ones, by falling number; names without control characters by construction. */
static void print_counts(const char *kind, json_t *of) {
  const char *name, *best = NULL;
  json_t *entry;
  size_t left = json_object_size(of);
  for (int line = 0; line < SHOWN && left; line++, left--) {
    json_int_t most = -1;
    json_object_foreach(of, name, entry) {
      json_int_t n = json_integer_value(json_object_get(entry, "records"));
      if (n > most) best = name, most = n;
    }
    printf("%-9s %-32s %10lld records %12lld tokens\n", kind, best, (long long)most,
           (long long)json_integer_value(json_object_get(json_object_get(of, best), "tokens")));
    json_object_del(of, best);
  }
  if (left) printf("%-9s and %zu more\n", kind, left);
}

static vft_status print_summary(const vft_dataset *d) {
  json_t *counts;
  TRY(vft_dataset_counts(d, &counts));
  printf("records   %llu\n", (unsigned long long)d->records);
  for (int t = 0; t < VFT_TIERS; t++)
    if (d->tier_records[t])
      printf("tier      %-32s %10llu records\n", vft_tier_names[t],
             (unsigned long long)d->tier_records[t]);
  for (int k = 0; k < KINDS; k++)
    print_counts(count_names[k], json_object_get(counts, count_names[k]));
  json_decref(counts);
  if (d->duplicates)
    printf("duplicate %llu records have the content of an earlier one; first: %llu and %llu\n",
           (unsigned long long)d->duplicates, (unsigned long long)d->duplicate[0],
           (unsigned long long)d->duplicate[1]);
  print_digest("root", &d->root);
  return VFT_OK;
}

/* ---- commit ---- */

static const cli_command data_commit, data_show, data_check, data_prove, data_verify;

static vft_status parse_publish(const char *text, bool publish[KINDS]) {
  for (const char *at = text; at && *at;) {
    char name[16];
    size_t n = strcspn(at, ",");
    int k = 0;
    snprintf(name, sizeof name, "%.*s", (int)n, at);
    while (k < KINDS && strcmp(name, count_names[k])) k++;
    if (k == KINDS)
      return cli_usage(&data_commit, "--publish: unknown counts '%s', did you mean '%s'?", name,
                       vft_nearest(name, count_names, KINDS));
    publish[k] = true;
    at += n + (at[n] == ',');
  }
  return VFT_OK;
}

static vft_status write_public(const vft_dataset *d, const bool publish[KINDS],
                               const char *folder) {
  json_t *counts;
  bool any = false;
  TRY(vft_dataset_counts(d, &counts));
  for (int k = 0; k < KINDS; k++) {
    any |= publish[k];
    if (!publish[k]) json_object_del(counts, count_names[k]);
  }
  vft_status st = vft_data_folder_publish(d, any ? counts : NULL, folder);
  json_decref(counts);
  return st;
}

static vft_status print_eligible(const vft_policy *policy, const vft_dataset *d) {
  vft_judged j;
  TRY(vft_policy_judge(policy, d, &j));
  printf("eligible  %llu of %llu records under the policy\n", (unsigned long long)j.eligible,
         (unsigned long long)j.records);
  vft_judged_free(&j);
  return VFT_OK;
}

static vft_status run_commit(int argc, char **argv) {
  const char *config_path = NULL, *folder = NULL, *publish_text = NULL;
  bool shown, publish[KINDS] = {false};
  vft_config config;
  vft_dataset d = {0};
  const cli_option option[] = {
      {"out", 'o', "DATA", "the folder of the commitment", NULL, &folder},
      {"publish", 0, "COUNTS", "of source,license,language,domain,tag: those that the public file "
       "tells", NULL, &publish_text}};
  TRY(cli_parse(&data_commit, argc, argv, option, 2, &config_path, 1, true, &shown));
  if (shown) return VFT_OK;
  if (!folder) return cli_usage(&data_commit, "--out DATA is missing");
  TRY(parse_publish(publish_text, publish));
  TRY(vft_config_load(config_path, &config));
  vft_status st;
  vft_interrupt_catch();
  TRY_OUT(vft_data_folder_commit(&config, folder, "run the same command again", &d));
  TRY_OUT(write_public(&d, publish, folder));
  TRY_OUT(print_summary(&d));
  if (config.policy.given) TRY_OUT(print_eligible(&config.policy, &d));
out:
  vft_dataset_close(&d);
  vft_config_free(&config);
  return st;
}

static const cli_command data_commit = {
    "data commit", "CONFIG.yaml --out DATA", "Commit to the records of a configuration",
    "Prints the counts by source, licence, language, domain and tag, and the root c_D.\n"
    "DATA/public may be shown to anyone; DATA/private has the digests and the secret that the\n"
    "salts come from.\n"
    "An interrupted commitment goes on when the command is given again.",
    run_commit};

/* ---- show ---- */

static vft_status show_record(const vft_dataset *d, uint64_t n) {
  vft_row row;
  size_t source;
  char *text, hex[65];
  unsigned height;
  vft_poseidon_digest sibling[64];
  TRY(vft_dataset_row(d, n, &row, &source));
  TRY(vft_dataset_path(d, n, sibling, &height));
  TRY(vft_dataset_text(d, n, &text));
  const vft_class *c = d->classes.list[row.class_number];
  vft_tier tier = vft_dataset_tier_of(d, n);
  printf("record    %llu\ntier      %s, number %llu\nfile      %s, line %u\n",
         (unsigned long long)n, vft_tier_names[tier],
         (unsigned long long)(n - d->tier_first[tier]), d->source[source].path, row.line);
  printf("source    %s\nlicense   %s\nlanguage  %s\ndomain    %s\n", c->source, c->license,
         c->language, c->domain);
  for (size_t i = 0; i < c->tags; i++) printf("tag       %s\n", c->tag[i]);
  printf("tokens    %u, %u of the loss\ntext      %s\n", row.tokens, row.loss_tokens, text);
  vft_free(text);
  vft_poseidon_digest salt = vft_record_salt(d->master, n);
  print_digest("content", &row.content);
  print_digest("salt", &salt);
  print_digest("leaf", &row.leaf);
  for (unsigned h = 0; h < height; h++) {
    digest_hex(&sibling[h], hex);
    printf("path %-4u %s\n", h, hex);
  }
  print_digest("root", &d->root);
  return VFT_OK;
}

static vft_status run_show(int argc, char **argv) {
  const char *folder = NULL, *record = NULL;
  bool shown;
  long n = 0;
  vft_dataset d;
  const cli_option option[] = {
      {"record", 'n', "N", "a record, numbered from 0: text, metadata, digests, path", NULL,
       &record}};
  TRY(cli_parse(&data_show, argc, argv, option, 1, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  if (record) TRY(cli_number(&data_show, "record", record, 0, 1l << 40, &n));
  vft_status st = vft_data_folder_open(folder, &d);
  if (st == VFT_OK) {
    st = record ? show_record(&d, (uint64_t)n) : print_summary(&d);
    vft_dataset_close(&d);
  }
  return st;
}

static const cli_command data_show = {
    "data show", "DATA [--record N]", "Show a commitment, or one of its records",
    "What it prints about a record, the salt above all, is private.", run_show};

/* ---- check ---- */

/* The public file says what the commitment gives, with the counts that it has. */
static vft_status check_public(const vft_dataset *d, const char *path) {
  vft_bytes file;
  json_t *root = NULL, *counts = NULL;
  char *text = NULL;
  size_t length;
  TRY(vft_file_read(path, 1 << 26, VFT_USAGE, &file));
  vft_status st = vft_json_parse_canonical((const char *)file.data, file.size, path, &root);
  if (st == VFT_OK) st = vft_dataset_counts(d, &counts);
  if (st == VFT_OK) {
    const json_t *has = json_object_get(root, "counts");
    for (int k = 0; k < KINDS; k++)
      if (!json_object_get(has, count_names[k])) json_object_del(counts, count_names[k]);
    st = vft_dataset_public(d, json_is_object(has) ? counts : NULL, &text, &length);
  }
  if (st == VFT_OK && (length != file.size || memcmp(text, file.data, length)))
    st = vft_reject("data/public", "%s: is not what the commitment gives", path);
  vft_free(text);
  json_decref(root);
  json_decref(counts);
  vft_bytes_free(&file);
  return st;
}

static vft_status run_check(int argc, char **argv) {
  const char *folder = NULL;
  bool shown;
  vft_arena arena = {0};
  vft_dataset d = {0};
  vft_data_watch *watch = NULL;
  vft_dataset_hooks hooks;
  TRY(cli_parse(&data_check, argc, argv, NULL, 0, &folder, 1, true, &shown));
  if (shown) return VFT_OK;
  vft_interrupt_catch();
  vft_status st = VFT_RESOURCE;
  char *json = vft_arena_printf(&arena, "%s/public/dataset.json", folder);
  if (!json) goto out;
  TRY_OUT(vft_data_folder_open(folder, &d));
  TRY_OUT(vft_data_watch_new("check (KiB)", "nothing was changed", &watch, &hooks));
  TRY_OUT(vft_dataset_check(&d, &hooks));
  TRY_OUT(check_public(&d, json));
  printf("checked: %llu records of %zu sources\n", (unsigned long long)d.records, d.sources);
  print_digest("root", &d.root);
out:
  vft_data_watch_free(watch);
  vft_dataset_close(&d);
  vft_arena_free(&arena);
  return st;
}

static const cli_command data_check = {
    "data check", "DATA", "Compute a commitment again from its sources and compare", "", run_check};

/* ---- membership ---- */

static vft_status run_prove(int argc, char **argv) {
  const char *argument[2] = {NULL, NULL}, *out = NULL;
  bool shown;
  long n;
  vft_arena arena = {0};
  vft_dataset d;
  const cli_option option[] = {
      {"out", 'o', "FILE", "the file to write (default: record_N.vftm)", NULL, &out}};
  TRY(cli_parse(&data_prove, argc, argv, option, 1, argument, 2, true, &shown));
  if (shown) return VFT_OK;
  TRY(cli_number(&data_prove, "record", argument[1], 0, 1l << 40, &n));
  TRY(vft_data_folder_open(argument[0], &d));
  vft_status st = VFT_RESOURCE;
  vft_member *m = vft_alloc(1, sizeof *m);
  uint8_t *bytes = vft_alloc(VFT_MEMBER_BYTES, 1);
  if (!out) out = vft_arena_printf(&arena, "record_%ld.vftm", n);
  if (m && bytes && out) {
    st = vft_member_prove(&d, (uint64_t)n, m);
    size_t size = st == VFT_OK ? vft_member_write(m, bytes) : 0;
    if (st == VFT_OK) st = vft_file_write(out, bytes, size);
    if (st == VFT_OK) {
      printf("wrote %s (%zu bytes)\n", out, size);
      print_digest("root", &d.root);
    }
  }
  vft_free(m);
  vft_free(bytes);
  vft_dataset_close(&d);
  vft_arena_free(&arena);
  return st;
}

static const cli_command data_prove = {
    "data prove-member", "DATA N [--out FILE]", "Write a proof that record N is in the dataset",
    "The file shows the record's metadata and its content digest: who can guess the content can\n"
    "confirm the guess. It shows nothing about other records.",
    run_prove};

static vft_status parse_root(const char *text, vft_poseidon_digest *root) {
  uint8_t bytes[32];
  bool good = strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
  for (int i = 0; good && i < 32; i++) {
    unsigned v;
    good = sscanf(text + 2 * i, "%2x", &v) == 1;
    bytes[i] = (uint8_t)v;
  }
  if (!good || !vft_poseidon_read(bytes, root))
    return cli_usage(&data_verify, "--root: '%.70s' is not a root (64 hexadecimal digits)", text);
  return VFT_OK;
}

static vft_status run_verify(int argc, char **argv) {
  const char *path = NULL, *root_text = NULL;
  bool shown;
  vft_poseidon_digest root;
  vft_bytes file;
  const cli_option option[] = {
      {"root", 'r', "C_D", "the dataset root that it must be about", NULL, &root_text}};
  TRY(cli_parse(&data_verify, argc, argv, option, 1, &path, 1, true, &shown));
  if (shown) return VFT_OK;
  if (root_text) TRY(parse_root(root_text, &root));
  TRY(vft_file_read(path, 1 << 20, VFT_USAGE, &file));
  vft_member *m = vft_alloc(1, sizeof *m);
  vft_status st = m ? vft_member_verify(file.data, file.size, root_text ? &root : NULL, m)
                    : VFT_RESOURCE;
  if (st == VFT_OK) {
    const vft_class *c = &m->record_class;
    printf("accepted: record %llu of %llu in the tier %s\n", (unsigned long long)m->index,
           (unsigned long long)m->records, vft_tier_names[c->tier]);
    printf("source    %s\nlicense   %s\nlanguage  %s\ndomain    %s\n", c->source, c->license,
           c->language, c->domain);
    for (size_t i = 0; i < c->tags; i++) printf("tag       %s\n", c->tag[i]);
    printf("tokens    %u, %u of the loss\n", m->tokens, m->loss_tokens);
    print_digest("content", &m->content);
    print_digest("root", &m->root);
    if (!root_text) printf("the root is the file's own: compare it, or give --root\n");
  }
  vft_free(m);
  vft_bytes_free(&file);
  return st;
}

static const cli_command data_verify = {
    "data verify-member", "FILE [--root C_D]", "Check a membership proof", "", run_verify};

/* ---- dispatch ---- */

static const cli_command *const sub[] = {&data_commit, &data_show, &data_check, &data_prove,
                                         &data_verify, &cli_data_sample};
enum { SUBS = sizeof sub / sizeof *sub };

static vft_status run(int argc, char **argv) {
  const char *names[SUBS];
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
    FILE *out = argc < 2 ? stderr : stdout;
    fprintf(out, "Usage: vft data COMMAND [ARGUMENTS]\n\n%s\n\nCommands:\n", cli_data.summary);
    for (size_t i = 0; i < SUBS; i++)
      fprintf(out, "  %-18s %s\n", sub[i]->name, sub[i]->summary);
    return argc < 2 ? vft_fail(VFT_USAGE, "vft data: which command? see 'vft data --help'")
                    : VFT_OK;
  }
  for (size_t i = 0; i < SUBS; i++) {
    names[i] = sub[i]->name + 5;
    if (!strcmp(argv[1], names[i])) return sub[i]->run(argc - 1, argv + 1);
  }
  return vft_fail(VFT_USAGE, "vft data: unknown command '%s', did you mean '%s'?", argv[1],
                  vft_nearest(argv[1], names, SUBS));
}

const cli_command cli_data = {
    "data", "COMMAND", "Commit to a dataset, inspect and check it, prove membership", "", run};
