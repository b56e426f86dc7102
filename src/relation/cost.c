/* Planning figures and the textual form of a program. */
#include <inttypes.h>
#include <string.h>

#include "relation/program.h"

/* ---- cost ---- */

size_t vft_program_tree_elements(const vft_program *program, vft_origin origin, uint32_t group) {
  size_t n = 0;
  for (uint32_t i = 0; i < program->ntensors; i++)
    if (program->tensors[i].origin == origin && program->tensors[i].group == group)
      n += vft_tensor_count(&program->tensors[i]);
  return n;
}

static size_t saturating_mul(size_t a, size_t b) {
  size_t c;
  return __builtin_mul_overflow(a, b, &c) ? SIZE_MAX : c;
}

static void add_to(size_t *sum, size_t n) {
  if (__builtin_add_overflow(*sum, n, sum)) *sum = SIZE_MAX;
}

static size_t box(const uint32_t *size, uint32_t mask) {
  size_t n = 1;
  for (uint32_t v = 0; v < VFT_MAX_INDEX; v++)
    if (mask >> v & 1) n = saturating_mul(n, size[v]);
  return n;
}

static void term_cost(const vft_program *p, const vft_relation *r, const vft_term *t,
                      vft_cost *cost) {
  uint32_t once = 0, shared = 0, variable = 0;
  for (uint32_t k = 0; k < t->nfactors; k++) {
    const vft_tensor *x = &p->tensors[t->factor[k].tensor];
    uint32_t mask = 0;
    for (uint32_t a = 0; a < x->rank; a++) mask |= 1u << t->factor[k].idx[a];
    shared |= once & mask;
    once |= mask;
    variable += !x->values;
  }
  if (variable >= 2) {
    cost->product_terms++;
    add_to(&cost->product_points, box(r->size, shared));
  }
  if (r->kind == VFT_DEFINE && t->nfactors) {
    uint32_t free_mask = r->nfree ? (1u << r->nfree) - 1 : 0;
    add_to(&cost->multiplications, saturating_mul(box(r->size, once | free_mask), t->nfactors));
  }
}

vft_status vft_program_cost(const vft_program *program, vft_cost *cost) {
  const vft_program *p = program;
  memset(cost, 0, sizeof *cost);
  for (uint32_t i = 0; i < p->ntensors; i++) {
    const vft_tensor *t = &p->tensors[i];
    size_t *const sum[] = {&cost->witness, &cost->link, &cost->oracle, &cost->virt, &cost->publ};
    add_to(sum[t->origin], vft_tensor_count(t));
  }
  for (uint32_t i = 0; i < p->ntables; i++) {
    cost->table_rows += p->tables[i].rows;
    cost->mult += p->tables[i].rows;
  }
  for (uint32_t i = 0; i < p->nlookups; i++)
    add_to(&cost->lookups, box(p->lookups[i].size, (1u << p->lookups[i].nindex) - 1));
  for (uint32_t i = 0; i < p->nrelations; i++) {
    const vft_relation *r = &p->relations[i];
    add_to(r->kind == VFT_ZERO ? &cost->zero_points : &cost->define_points,
           box(r->size, r->nfree ? (1u << r->nfree) - 1 : 0));
    for (uint32_t k = 0; k < r->nterms; k++) term_cost(p, r, &r->terms[k], cost);
  }

  vft_tensor_id *order = vft_alloc(p->ntensors, sizeof *order);
  uint32_t *depth = vft_alloc(p->ntensors, sizeof *depth), count = 0;
  vft_status st = order && depth ? vft_program_virtual_order(p, order, &count) : VFT_RESOURCE;
  for (uint32_t i = 0; i < count && st == VFT_OK; i++) {
    const vft_relation *r = &p->relations[vft_program_definition(p, order[i])];
    uint32_t deepest = 0;
    for (uint32_t j = 0; j < r->nterms; j++)
      for (uint32_t k = 0; k < r->terms[j].nfactors; k++) {
        uint32_t d = depth[r->terms[j].factor[k].tensor]; /* 0 unless virtual */
        if (d > deepest) deepest = d;
      }
    depth[order[i]] = deepest + 1;
    if (deepest + 1 > cost->depth) cost->depth = deepest + 1;
  }
  vft_free(order);
  vft_free(depth);
  return st;
}

/* ---- dump ---- */

static const char *const ORIGIN[] = {"witness", "link", "oracle", "virtual", "public"};

static void dump_sizes(const uint32_t *size, uint32_t from, uint32_t to, FILE *out) {
  for (uint32_t v = from; v < to; v++)
    fprintf(out, "%s%c<%u", v > from ? ", " : "", 'a' + (int)v, size[v]);
}

static void dump_terms(const vft_program *p, const vft_term *t, uint32_t n, FILE *out) {
  if (!n) fputs("0", out);
  for (uint32_t i = 0; i < n; i++, t++) {
    fprintf(out, "%s%" PRId64, i ? (t->coef < 0 ? " - " : " + ") : (t->coef < 0 ? "-" : ""),
            t->coef < 0 ? -t->coef : t->coef);
    for (uint32_t k = 0; k < t->nfactors; k++) {
      const vft_factor *f = &t->factor[k];
      const vft_tensor *x = &p->tensors[f->tensor];
      fprintf(out, " %s", x->name);
      for (uint32_t a = 0; a < x->rank; a++) {
        fprintf(out, "%c%c", a ? ',' : '[', 'a' + f->idx[a]);
        if (f->off[a]) fprintf(out, "+%u", f->off[a]);
      }
      if (x->rank) fputc(']', out);
    }
    if (t->lemma)
      fprintf(out, " {in [%" PRId64 ", %" PRId64 "]: %s}", t->lemma_lo, t->lemma_hi, t->lemma);
  }
}

static void dump_tensor(const vft_program *p, const vft_tensor *t, FILE *out) {
  fprintf(out, "  %s %s[", ORIGIN[t->origin], t->name);
  for (uint32_t a = 0; a < t->rank; a++) fprintf(out, "%s%u", a ? ", " : "", t->dims[a]);
  if (t->field)
    fputs("] of field elements", out);
  else
    fprintf(out, "] in [%" PRId64 ", %" PRId64 "]", t->lo, t->hi);
  if (t->origin == VFT_LINK) fprintf(out, " of link %s", p->link_names[t->group]);
  if (t->origin == VFT_ORACLE) fprintf(out, " of oracle %s", p->oracle_names[t->group]);
  if (t->origin == VFT_PUBLIC) fputs(t->values ? " constant" : " input", out);
  fputc('\n', out);
}

static void dump_relation(const vft_program *p, const vft_relation *r, FILE *out) {
  fprintf(out, "  %s: ", r->name);
  if (r->kind == VFT_DEFINE) fprintf(out, "%s := ", p->tensors[r->target].name);
  dump_terms(p, r->terms, r->nterms, out);
  if (r->kind == VFT_ZERO) fputs(" = 0", out);
  if (r->field) fputs(" modulo p", out);
  if (r->nfree) fputs(" for ", out);
  dump_sizes(r->size, 0, r->nfree, out);
  if (r->nindex > r->nfree) fputs(" summed over ", out);
  dump_sizes(r->size, r->nfree, r->nindex, out);
  fputc('\n', out);
}

static void dump_table(const vft_program *p, const vft_table *t, FILE *out) {
  const char *mult = p->tensors[t->mult].name;
  if (t->kind == VFT_TABLE_RANGE) {
    fprintf(out, "  %s: (w, v), w <= %d, v < 2^w, counted by %s\n", t->name, VFT_MAX_RANGE_BITS,
            mult);
    return;
  }
  fprintf(out, "  %s: (%" PRId64 ", %" PRId64 " + i", t->name, t->tag, t->first);
  for (int c = 0; c < VFT_TABLE_OUTS; c++)
    if (t->out[c] == VFT_NO_TENSOR)
      fputs(", 0", out);
    else
      fprintf(out, ", %s[i]", p->tensors[t->out[c]].name);
  fprintf(out, "), i < %u, counted by %s\n", t->rows, mult);
}

void vft_program_dump(const vft_program *program, FILE *out) {
  const vft_program *p = program;
  fprintf(out, "program %s, rows of 2^%u\n", p->name, p->log_columns);
  for (uint32_t i = 0; i < p->nlinks; i++)
    fprintf(out, "  link %s: %s, %zu elements\n", p->link_names[i],
            p->link_output[i] ? "output" : "input", vft_program_tree_elements(p, VFT_LINK, i));
  for (uint32_t i = 0; i < p->noracles; i++)
    fprintf(out, "  oracle %s: %zu elements\n", p->oracle_names[i],
            vft_program_tree_elements(p, VFT_ORACLE, i));
  fprintf(out, "%u tensors\n", p->ntensors);
  for (uint32_t i = 0; i < p->ntensors; i++) dump_tensor(p, &p->tensors[i], out);
  fprintf(out, "%u relations\n", p->nrelations);
  for (uint32_t i = 0; i < p->nrelations; i++) dump_relation(p, &p->relations[i], out);
  fprintf(out, "%u lookups\n", p->nlookups);
  for (uint32_t i = 0; i < p->nlookups; i++) {
    const vft_lookup *l = &p->lookups[i];
    fprintf(out, "  %s: (", l->name);
    for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
      if (c) fputs("; ", out);
      dump_terms(p, l->col[c].terms, l->col[c].nterms, out);
    }
    fputs(l->nindex ? ") for " : ")", out);
    dump_sizes(l->size, 0, l->nindex, out);
    fputc('\n', out);
  }
  fprintf(out, "%u tables\n", p->ntables);
  for (uint32_t i = 0; i < p->ntables; i++) dump_table(p, &p->tables[i], out);
  vft_cost c;
  if (vft_program_cost(p, &c) == VFT_OK)
    fprintf(out,
            "cost: witness %zu (multiplicities %zu), link %zu, oracle %zu, virtual %zu, "
            "public %zu; lookups %zu, table rows %zu; product terms %zu over %zu points; "
            "depth %u\n",
            c.witness, c.mult, c.link, c.oracle, c.virt, c.publ, c.lookups, c.table_rows,
            c.product_terms, c.product_points, c.depth);
}
