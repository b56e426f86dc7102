/* The commands below `vft data`. */
#ifndef VFT_CLI_CMD_DATA_H
#define VFT_CLI_CMD_DATA_H

#include "cli.h"
#include "data/dataset.h"

extern const cli_command cli_data_sample;

/* The commitment in a dataset folder. Fails: VFT_USAGE. */
VFT_MUST_CHECK vft_status cli_open_data(vft_arena *arena, const char *folder, vft_dataset *out);

#endif
