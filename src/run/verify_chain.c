/* Several certificates of epochs, one after the other. */
#include <math.h>
#include <string.h>

#include "run/verify.h"

/* What a claim says of its certificate's epochs, without which these are. */
static const char *said(const char *detail) {
  static const char before[] = " alone: ";
  const char *at = strstr(detail, before);
  return at ? at + sizeof before - 1 : detail;
}

static vft_status not_one(const char *path) {
  return vft_reject("chain/certificate", "%s: a proof that vft fold joins, no certificate", path);
}

static vft_status check_meeting(const vft_verify_report *a, const vft_verify_report *b,
                                const char *const path[2]) {
  if (memcmp(a->digests.context, b->digests.context, sizeof a->digests.context))
    return vft_reject("chain/run", "%s and %s are of two runs, or of two ways to cut one", path[0], path[1]);
  if (a->epochs[1] + 1 != b->epochs[0])
    return vft_reject("chain/gap", "%s ends with epoch %llu, %s begins with epoch %llu", path[0],
                      (unsigned long long)a->epochs[1], path[1], (unsigned long long)b->epochs[0]);
  if (!a->commits[1] || !b->commits[0] || memcmp(a->commitment[1], b->commitment[0], 32))
    return vft_reject("chain/state", "%s does not begin with the state with which %s ends", path[1], path[0]);
  return VFT_OK;
}

/* Adds what the next certificate says. */
static vft_status add(vft_verify_report *all, const vft_verify_report *next) {
  all->epochs[1] = next->epochs[1];
  all->commits[1] = next->commits[1];
  memcpy(all->commitment[1], next->commitment[1], sizeof all->commitment[1]);
  all->steps += next->steps;
  all->proof_bytes += next->proof_bytes;
  all->seconds += next->seconds;
  if (next->slowest_shard_ms > all->slowest_shard_ms) all->slowest_shard_ms = next->slowest_shard_ms;
  if (next->bits_least < all->bits_least) all->bits_least = next->bits_least;
  all->bits_total = -log2(exp2(-all->bits_total) + exp2(-next->bits_total));
  all->has_h_t = next->has_h_t;
  all->h_t = next->h_t;
  all->claim[VFT_CLAIM_ADAPTER].state = next->claim[VFT_CLAIM_ADAPTER].state;
  all->claim[VFT_CLAIM_ADAPTER].detail =
      vft_arena_strdup(&all->arena, next->claim[VFT_CLAIM_ADAPTER].detail);
  return all->claim[VFT_CLAIM_ADAPTER].detail ? VFT_OK : VFT_RESOURCE;
}

/* The claims of all of them together. */
static vft_status conclude(vft_verify_report *all, size_t n) {
  unsigned long long first = all->epochs[0], last = all->epochs[1], steps = all->steps;
  all->part = first || last + 1 < all->run_epochs;
  all->has_digests = false; /* there is no one certificate that they would be of */
  for (int c = 0; c < VFT_CLAIMS; c++) {
    if (all->claim[c].state != VFT_PART) continue;
    const char *detail = said(all->claim[c].detail);
    char *text = c == VFT_CLAIM_STEPS
                     ? vft_arena_printf(&all->arena, "%llu steps in %zu certificates, each continuing the "
                                        "one before", steps, n)
                     : vft_arena_strdup(&all->arena, detail);
    if (text && all->part)
      text = vft_arena_printf(&all->arena, "of epochs %llu to %llu alone: %s", first, last, text);
    if (!text) return VFT_RESOURCE;
    all->claim[c].detail = text;
    if (!all->part) all->claim[c].state = VFT_CHECKED;
  }
  if (all->bits_total < VFT_SOUNDNESS_LEVEL)
    return vft_reject("soundness/bits", "the certificates together have %.1f bits, %d are required",
                      all->bits_total, VFT_SOUNDNESS_LEVEL);
  return VFT_OK;
}

vft_status vft_run_verify_chain(const vft_verify_request *request, const char *const *certificate,
                                size_t n, vft_verify_report *all) {
  memset(all, 0, sizeof *all);
  for (size_t i = 0; i < n; i++) {
    vft_verify_report next;
    vft_verify_request one = *request;
    one.certificate = certificate[i];
    one.require = 0;
    one.adapter = i + 1 == n ? request->adapter : NULL;
    one.model = i ? NULL : request->model;
    vft_status st = vft_run_verify(&one, i ? &next : all);
    if (!i) {
      TRY(st);
      if (all->has_digests) continue;
      return not_one(certificate[0]);
    }
    if (st == VFT_OK && !next.has_digests)
      st = not_one(certificate[i]);
    if (st == VFT_OK) st = check_meeting(all, &next, certificate + i - 1);
    if (st == VFT_OK) st = add(all, &next);
    vft_verify_report_free(&next);
    TRY(st);
  }
  TRY(conclude(all, n));
  return vft_verify_required(all, request->require);
}
