#include "run/data_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/files.h"
#include "run/progress.h"

/* ---- progress ---- */

struct vft_data_watch {
  vft_progress progress;
  const char *resume;
};

static vft_status keep_going(void *ctx) {
  const vft_data_watch *w = ctx;
  return vft_interrupt_check(w->resume);
}

static void show_progress(void *ctx, uint64_t bytes, uint64_t total, uint64_t records) {
  vft_data_watch *w = ctx;
  char detail[48];
  w->progress.total = (total >> 10) + 1;
  snprintf(detail, sizeof detail, "%llu records", (unsigned long long)records);
  vft_progress_step(&w->progress, bytes >= total ? w->progress.total : bytes >> 10, detail);
}

vft_status vft_data_watch_new(const char *what, const char *resume, vft_data_watch **out,
                              vft_dataset_hooks *hooks) {
  vft_data_watch *w = vft_alloc(1, sizeof *w);
  *out = w;
  if (!w) return VFT_RESOURCE;
  w->progress = vft_progress_begin(what, 0, 1);
  w->resume = resume;
  *hooks = (vft_dataset_hooks){keep_going, show_progress, w};
  return VFT_OK;
}

void vft_data_watch_free(vft_data_watch *w) { vft_free(w); }

/* ---- the folder ---- */

static vft_status commit(const vft_config *config, const char *db, const char *resume,
                         vft_dataset *out) {
  vft_data_watch *watch;
  vft_dataset_hooks hooks;
  TRY(vft_data_watch_new("commit (KiB)", resume, &watch, &hooks));
  vft_status st = vft_dataset_commit(config, db, NULL, &hooks);
  vft_data_watch_free(watch);
  return st == VFT_OK ? vft_dataset_open(db, out) : st;
}

vft_status vft_data_folder_commit(const vft_config *config, const char *folder,
                                  const char *resume, vft_dataset *out) {
  vft_arena arena = {0};
  vft_status st = VFT_RESOURCE;
  char *private = vft_arena_printf(&arena, "%s/private", folder);
  char *public = vft_arena_printf(&arena, "%s/public", folder);
  char *db = vft_arena_printf(&arena, "%s/private/dataset.db", folder);
  if (!private || !public || !db) goto out;
  TRY_OUT(vft_folder_make(private));
  TRY_OUT(vft_folder_make(public));
  (void)chmod(private, 0700); /* some file systems have no such bits; the file has its own */
  st = commit(config, db, resume, out);
out:
  vft_arena_free(&arena);
  return st;
}

vft_status vft_data_folder_open(const char *folder, vft_dataset *out) {
  vft_arena arena = {0};
  char *db = vft_arena_printf(&arena, "%s/private/dataset.db", folder);
  vft_status st = db ? vft_dataset_open(db, out) : VFT_RESOURCE;
  vft_arena_free(&arena);
  return st;
}

vft_status vft_data_folder_publish(const vft_dataset *d, const json_t *counts,
                                   const char *folder) {
  vft_arena arena = {0};
  char *text, *path = vft_arena_printf(&arena, "%s/public/dataset.json", folder);
  size_t length;
  vft_status st = path ? vft_dataset_public(d, counts, &text, &length) : VFT_RESOURCE;
  if (st == VFT_OK) {
    st = vft_file_write(path, text, length);
    vft_free(text);
  }
  vft_arena_free(&arena);
  return st;
}

/* The file is unlinked as soon as it is open: nothing of the secrets stays, however the process
 * ends after that. */
vft_status vft_data_folder_temporary(const vft_config *config, vft_dataset *out) {
  vft_arena arena = {0};
  const char *base = getenv("TMPDIR");
  char *folder = vft_arena_printf(&arena, "%s/vft-XXXXXX", base && *base ? base : "/tmp");
  vft_status st = VFT_RESOURCE;
  if (!folder) goto out;
  if (!mkdtemp(folder)) {
    st = vft_fail(VFT_RESOURCE, "%s: cannot be made: %s", folder, strerror(errno));
    goto out;
  }
  char *db = vft_arena_printf(&arena, "%s/dataset.db", folder);
  char *journal = vft_arena_printf(&arena, "%s/dataset.db-journal", folder);
  if (db && journal) {
    st = commit(config, db, "nothing was written", out);
    unlink(db);
    unlink(journal);
  }
  rmdir(folder);
out:
  vft_arena_free(&arena);
  return st;
}
