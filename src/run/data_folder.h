/* A dataset folder (docs/FORMATS.md): public/dataset.json and private/dataset.db. */
#ifndef VFT_RUN_DATA_FOLDER_H
#define VFT_RUN_DATA_FOLDER_H

#include "data/dataset.h"

/* Commits to the configuration's records in `folder`, or goes on with what is there, showing
 * progress, and opens the result; `resume` says how to go on after an interruption.
 * Fails: as vft_dataset_commit. */
VFT_MUST_CHECK vft_status vft_data_folder_commit(const vft_config *config, const char *folder,
                                                 const char *resume, vft_dataset *out);
VFT_MUST_CHECK vft_status vft_data_folder_open(const char *folder, vft_dataset *out);
/* Writes public/dataset.json; `counts` as in vft_dataset_public. */
VFT_MUST_CHECK vft_status vft_data_folder_publish(const vft_dataset *dataset, const json_t *counts,
                                                  const char *folder);
/* A commitment that is in no folder once it is open: for what needs records only while it runs. */
VFT_MUST_CHECK vft_status vft_data_folder_temporary(const vft_config *config, vft_dataset *out);

/* Hooks of a long operation on a dataset: progress in KiB, and the request to stop. */
typedef struct vft_data_watch vft_data_watch;
VFT_MUST_CHECK vft_status vft_data_watch_new(const char *what, const char *resume,
                                             vft_data_watch **out, vft_dataset_hooks *hooks);
void vft_data_watch_free(vft_data_watch *watch);

#endif
