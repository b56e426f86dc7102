/* Inside of data/config: reading values of the YAML document. */
#ifndef VFT_DATA_CONFIG_READER_H
#define VFT_DATA_CONFIG_READER_H

#include <yaml.h>

#include "data/config.h"

typedef struct {
  vft_config *c;
  yaml_document_t doc;
  const char *key;
  size_t line;
} vft_config_reader;

/* "FILE:LINE: KEY: what" */
vft_status vft_config_bad(const vft_config_reader *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
vft_status vft_config_scalar(vft_config_reader *r, const yaml_node_t *node, const char **out);
vft_status vft_config_integer(vft_config_reader *r, const yaml_node_t *node, int low, int high,
                              int *out);
vft_status vft_config_choice(vft_config_reader *r, const yaml_node_t *node,
                             const char *const *names, size_t n, size_t *out);
vft_status vft_config_list(vft_config_reader *r, const yaml_node_t *node, const char ***out,
                           size_t *count);
/* Calls `entry` for each key of a mapping, with key and line set. */
vft_status vft_config_mapping(vft_config_reader *r, const yaml_node_t *node, const char *what,
                              vft_status (*entry)(vft_config_reader *r, const char *name,
                                                  const yaml_node_t *value, void *ctx),
                              void *ctx);

/* The keys policy and sampler. */
vft_status vft_config_policy(vft_config_reader *r, const yaml_node_t *node);
vft_status vft_config_sampler(vft_config_reader *r, const yaml_node_t *node);

#endif
