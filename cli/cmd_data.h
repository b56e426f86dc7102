/* The commands below `vft data`. */
#ifndef VFT_CLI_CMD_DATA_H
#define VFT_CLI_CMD_DATA_H

#include "cli.h"

extern const cli_command cli_data_sample;

#endif
