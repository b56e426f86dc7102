/* What joins the parts of a step: the links that carry boundary values from the program that
 * computes them to those that use them, and the copies between links and witness.
 *
 * Every limb of an output link is range checked to its exact width here, so a consumer may rely on
 * the declared bounds; a value's limbs are unique, so equal values mean equal limbs. Producer and
 * consumer declare a link by the same function, hence with the same shapes in the same order. */
#include <string.h>

#include "program/build.h"

const char *vft_build_base_axes(vft_build *c, int more, const char *rest) {
  int first = c->step->part.first + more;
  return first ? vft_build_name(&c->b, "l+%d%s", first, rest)
               : vft_build_name(&c->b, "l%s", rest);
}

/* A value of a link. Its VIRTUAL sum of limbs is declared only where it is used. */
static vft_tensor_id hand(vft_build *c, vft_hand h, const char *name, const char *axes, int bits,
                          bool is_signed, vft_frac frac, bool used) {
  vft_builder *b = &c->b;
  vft_step *t = c->step;
  vft_wide w = {.value = VFT_NO_TENSOR, .offset = is_signed ? (int64_t)1 << (bits - 1) : 0};
  if (b->status != VFT_OK) return VFT_NO_TENSOR;
  if (t->nhands == VFT_MAX_HANDS) {
    vft_build_fail(b, "more than %d values between parts", VFT_MAX_HANDS);
    return VFT_NO_TENSOR;
  }
  for (int at = 0; at < bits; at += 16) {
    uint32_t i = w.nlimbs++;
    int width = bits - at < 16 ? bits - at : 16;
    const char *limb = vft_build_name(b, "%s/limb%u", name, i);
    w.at[i] = (uint8_t)at;
    w.width[i] = (uint8_t)width;
    w.limb[i] = vft_build_tensor(b, VFT_LINK, h.link, limb, axes, 0, ((int64_t)1 << width) - 1,
                                 NULL, (vft_frac){NULL, 0});
    if (h.output)
      vft_build_range(b, vft_build_name(b, "%s/range", limb), axes, w.limb[i], width, 0);
  }
  vft_tensor_id value = VFT_NO_TENSOR;
  if (used)
    value = vft_build_wide_of(b, name, axes, w.nlimbs, w.limb, w.at, w.width, w.offset, frac);
  h.wide = used && b->status == VFT_OK ? t->wide_of[value] : vft_build_limbs(b, w);
  t->hands[t->nhands++] = h;
  return value;
}

static uint32_t add_link(vft_build *c, const char *name, bool output) {
  uint32_t id = vft_program_add_link(c->b.p, name, output);
  if (id == UINT32_MAX && c->b.status == VFT_OK) c->b.status = VFT_USAGE;
  return id;
}

typedef struct {
  vft_tensor_id stream, grad, squares, scale, gradient[VFT_PROJECTIONS][2];
} values;
enum { USE_STREAM = 1, USE_GRAD = 2, USE_SQUARES = 4, USE_SCALE = 8, USE_GRADIENTS = 16 };

static vft_tensor_id hand_stream(vft_build *c, vft_hand h, const char *link, bool used) {
  h.role = VFT_HAND_STREAM;
  return hand(c, h, vft_build_name(&c->b, "%s/stream", link), "spqd", c->f->w_h, true,
              vft_build_frac(&c->b, c->f->f_h), used);
}

/* Gradient at boundary `at` >= 1: that after layer at - 1. */
static vft_tensor_id hand_grad(vft_build *c, vft_hand h, const char *link, bool used) {
  h.role = VFT_HAND_STREAM_GRAD;
  return hand(c, h, vft_build_name(&c->b, "%s/stream_grad", link), "spqd", c->f->w_dh, true,
              vft_build_frac(&c->b, c->model->dh[h.at - 1]), used);
}

/* The link that the part of layers first .. first + layers - 1 puts out. */
static values layers_link(vft_build *c, uint32_t link, const char *name, int first, int layers,
                          bool output, unsigned use) {
  vft_builder *b = &c->b;
  values v;
  memset(&v, 0xff, sizeof v);
  vft_hand h = {.link = link, .output = output, .at = first + layers};
  v.stream = hand_stream(c, h, name, use & USE_STREAM);
  if (c->s->clip) {
    h.role = VFT_HAND_SQUARES;
    v.squares = hand(c, h, vft_build_name(b, "%s/squares", name), "", VFT_SQUARES_BITS, false,
                     vft_build_frac(b, 2 * c->s->clip_frac), use & USE_SQUARES);
  }
  h.at = first;
  if (first > 0) v.grad = hand_grad(c, h, name, use & USE_GRAD);
  uint32_t own = b->size['l'];
  b->size['l'] = (uint32_t)layers;
  h.layers = layers;
  h.role = VFT_HAND_GRADIENT;
  for (int p = 0; p < VFT_PROJECTIONS; p++)
    for (int kind = 0; kind < 2 && vft_build_adapted(c, p); kind++) {
      const int *frac = c->model->g0 + (size_t)(2 * p + kind) * (size_t)c->model->layers + first;
      h.p = p;
      h.kind = kind;
      v.gradient[p][kind] =
          hand(c, h, vft_build_name(b, "%s/%s/%c", name, vft_projection_path[p], kind ? 'B' : 'A'),
               kind ? vft_build_name(b, "l%sr", vft_build_out_axes(p))
                    : vft_build_name(b, "lr%s", vft_build_in_axes(p)),
               c->f->w_g, true, vft_build_fracs(b, frac, (uint32_t)layers), use & USE_GRADIENTS);
    }
  b->size['l'] = own;
  return v;
}

static values head_link(vft_build *c, uint32_t link, bool output, unsigned use) {
  vft_builder *b = &c->b;
  values v;
  memset(&v, 0xff, sizeof v);
  vft_hand h = {.link = link, .output = output};
  v.stream = hand_stream(c, h, "head", use & USE_STREAM);
  h.at = c->step->model_layers;
  v.grad = hand_grad(c, h, "head", use & USE_GRAD);
  h.role = VFT_HAND_SCALE;
  v.scale = hand(c, h, "clip/scale", "", VFT_SCALE_BITS, false, vft_build_frac(b, 30),
                 use & USE_SCALE);
  return v;
}

static void links_of_layers(vft_build *c) {
  vft_step *t = c->step;
  const vft_part *part = &t->part;
  int end = part->first + part->layers;
  bool bottom = part->first == 0, top = end == t->model_layers;
  values v;
  if (bottom || top) {
    t->link_head = add_link(c, "head", false);
    v = head_link(c, t->link_head, false, (bottom ? USE_STREAM : 0) | (top ? USE_GRAD : 0));
    if (bottom) c->stream_in = v.stream;
    if (top) c->grad_in = v.grad;
  }
  if (!bottom) {
    t->link_before = add_link(c, "before", false);
    v = layers_link(c, t->link_before, "before", part->first - part->neighbour[0],
                    part->neighbour[0], false, USE_STREAM | USE_SQUARES);
    c->stream_in = v.stream;
    c->squares_in = v.squares;
  }
  if (!top) {
    t->link_after = add_link(c, "after", false);
    v = layers_link(c, t->link_after, "after", end, part->neighbour[1], false, USE_GRAD);
    c->grad_in = v.grad;
  }
  t->link_layers = add_link(c, "layers", true);
  v = layers_link(c, t->link_layers, "layers", part->first, part->layers, true,
                  USE_STREAM | USE_GRAD | USE_SQUARES | USE_GRADIENTS);
  c->stream_out = v.stream;
  c->enter_grad_out = v.grad;
  c->squares_out = v.squares;
  memcpy(c->grad_out, v.gradient, sizeof c->grad_out);
}

void vft_build_links(vft_build *c) {
  vft_step *t = c->step;
  const vft_part *part = &t->part;
  values v;
  if (part->kind == VFT_PART_LAYERS) {
    links_of_layers(c);
  } else if (part->kind == VFT_PART_HEAD) {
    int n = part->neighbour[0];
    t->link_layers = add_link(c, "layers", false);
    v = layers_link(c, t->link_layers, "layers", t->model_layers - n, n, false,
                    USE_STREAM | USE_SQUARES);
    c->leave = (vft_axes_factor){v.stream, "spqd"};
    c->squares_in = v.squares;
    t->link_head = add_link(c, "head", true);
    v = head_link(c, t->link_head, true, USE_STREAM | USE_GRAD | USE_SCALE);
    c->enter = (vft_axes_factor){v.stream, "spqd"};
    c->leave_grad = (vft_axes_factor){v.grad, "spqd"};
    c->mu = v.scale;
  } else if (part->kind == VFT_PART_OPTIMISER) {
    t->link_layers = add_link(c, "layers", false);
    v = layers_link(c, t->link_layers, "layers", part->first, part->layers, false, USE_GRADIENTS);
    memcpy(c->g0, v.gradient, sizeof c->g0);
    t->link_head = add_link(c, "head", false);
    v = head_link(c, t->link_head, false, USE_SCALE);
    c->mu = v.scale;
  }
}

void vft_build_stream_grad(vft_build *c) {
  vft_builder *b = &c->b;
  uint32_t L = b->size['l'];
  int first = c->step->part.first;
  c->grad_at = first > 0;
  b->size['l'] = L + (uint32_t)c->grad_at;
  c->dh1 = vft_build_wide(b, "residual_grad", "lspqd", c->f->w_dh, true,
                          vft_build_fracs(b, c->model->dh + first - c->grad_at, b->size['l']));
  c->leave_grad =
      (vft_axes_factor){c->dh1, vft_build_name(b, "z+%uspqd", b->size['l'] - 1)};
  b->size['l'] = L;
}

static void copy(vft_build *c, const char *name, vft_axes_factor to, vft_tensor_id from,
                 const char *from_axes) {
  vft_raw_term t = VFT_RAW1(1, from, from_axes);
  vft_build_exact(&c->b, (vft_build_out){name, to.tensor, to.axes}, &t, 1);
}

void vft_build_enter(vft_build *c) {
  copy(c, "enter/stream", c->enter, c->stream_in, "spqd");
  copy(c, "enter/stream_grad", c->leave_grad, c->grad_in, "spqd");
}

void vft_build_leave(vft_build *c) {
  copy(c, "leave/stream", (vft_axes_factor){c->stream_out, "spqd"}, c->leave.tensor,
       c->leave.axes);
  if (c->enter_grad_out != VFT_NO_TENSOR)
    copy(c, "leave/stream_grad", (vft_axes_factor){c->enter_grad_out, "spqd"}, c->dh1, "zspqd");
}
