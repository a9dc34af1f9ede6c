// Which query rows a block computes, and which cells of a segment they see: what every attention
// kernel reads from device memory, so that a launch means the same when more rows are there. ROWS
// and PAGED come before this file.
#pragma once
#include "args.cuh"

// If PAGED, cells are of sequences: a sequence sees a list of pages, and cell c of it is cell c %
// page of its page c / page. cells are then [sequences] of {cells in the list, position of the
// first, 1 where they are in order, where the list begins}, and lists begin so many pages after
// positions. Where the cells of a page that the sequence holds follow one another in order, a list
// has
//   {number of the page, position of its cell 0 if it is one, first cell, cell after the last}
// and else {~number, where the positions of its cells are, in int4 from positions on, and a bit for
// each cell that is the sequence's}.
using Page = int4;
constexpr int page = 64;

// Where part k of n items cut into so many parts begins. The first parts have one item more.
__device__ inline int part_of(int n, int k, int parts) {
  const int each = n / parts;
  return each * k + min(k, n - each * parts);
}

// ROWS query rows of a KV head: row r of the group is token (ROWS * number + r) / group, query head
// "head * group + (ROWS * number + r) % group".
struct QueryGroup {
  int head, number, group, rows; // of them there are so many
  int first, sequence;           // if PAGED: the first token of the run, from which rows count
  int index;                     // of the group among those of all heads

  QueryGroup() = default;
  __device__ QueryGroup(const Attend& p, int y) {
    group = p.heads / p.kv_heads;
    const int all = p.queries * group, groups = (all + ROWS - 1) / ROWS;
    index = y;
    head = y / groups;
    number = y - head * groups;
    rows = min(ROWS, all - ROWS * number);
    first = sequence = 0;
  }
  // Which run the group is of, and which rows of it, in a launch for so many KV heads.
  __device__ __forceinline__ void find(const Attend& p, int heads, int lane) {
    const int all = gridDim.y / heads;
    head = index / all;
    number = index - head * all;
    rows = 0;
    for (int r = 0; r < p.count; r += 32) {
      const int4 run = r + lane < p.count ? p.runs[r + lane] : make_int4(0, 0, 0, 0);
      const int groups = (run.y * group + ROWS - 1) / ROWS;
      int sum = groups; // of the runs up to this lane's
      for (int k = 1; k < 32; k *= 2) {
        const int before = __shfl_up_sync(~0u, sum, k);
        if (lane >= k) sum += before;
      }
      const unsigned in = __ballot_sync(~0u, number < sum);
      if (in) {
        const int at = __ffs((int)in) - 1;
        first = __shfl_sync(~0u, run.x, at);
        sequence = __shfl_sync(~0u, run.z, at);
        number -= __shfl_sync(~0u, sum - groups, at);
        rows = min(ROWS, __shfl_sync(~0u, run.y, at) * group - ROWS * number);
        return;
      }
      number -= __shfl_sync(~0u, sum, 31);
    }
  }
  __device__ int token(int r) const { return (PAGED ? first : 0) + (ROWS * number + r) / group; }
  __device__ int query_head(int r) const { return head * group + (ROWS * number + r) % group; }
};

// The cells of a segment that a sequence sees, or the only one.
struct Seen {
  int used, base, list;
  bool ordered;

  Seen() = default;
  __device__ Seen(const int4* cells, int capacity, int sequence) {
    const int4 c = cells[PAGED ? sequence : 0];
    used = max(0, min(c.x, capacity));
    list = c.w;
    base = c.y;
    ordered = c.z != 0;
  }

  // The page with a cell, if PAGED, and where that lies.
  __device__ __forceinline__ Page page_of(const int* positions, int cell) const { return ((const Page*)positions)[list + cell / page]; }
  static __device__ __forceinline__ long long place(const Page& at, int cell) { return (long long)(at.x < 0 ? ~at.x : at.x) * page + cell % page; }

  // The positions that a lane's cells of a tile hold, rows 4j.. from a cell on; below 0 where there
  // is none.
  __device__ __forceinline__ void held(const int* positions, int cell, int* at) const {
    if (PAGED) {
      const Page in = page_of(positions, cell);
      const int c = cell % page;
      if (in.x >= 0) {
#pragma unroll
        for (int n = 0; n < 4; n++) at[n] = c + n >= in.z && c + n < in.w ? in.y + c + n : -1;
      } else {
        const int4 v = ((const int4*)positions)[in.y + c / 4];
        const unsigned own = (unsigned)(c < 32 ? in.z : in.w) >> (c & 31);
        at[0] = own & 1 ? v.x : -1, at[1] = own & 2 ? v.y : -1, at[2] = own & 4 ? v.z : -1, at[3] = own & 8 ? v.w : -1;
      }
      return;
    }
    if (ordered) {
#pragma unroll
      for (int n = 0; n < 4; n++) at[n] = base + cell + n;
    } else {
      const int4 v = *(const int4*)(positions + cell);
      at[0] = v.x, at[1] = v.y, at[2] = v.z, at[3] = v.w;
    }
#pragma unroll
    for (int n = 0; n < 4; n++)
      if (cell + n >= used) at[n] = -1;
  }
};
