// Runs a grid on one thread of the operating system: blocks one after the other, a fibre for each thread of a block that has to wait
// for others. A thread runs until it waits; the next to run is looked for in its warp first. It says nothing of speed, races or
// memory order.
#include "scheduler.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the emulation switches stacks on x86-64 only"
#endif

using namespace emulated;

namespace emulated {
State emulated_state;
}

namespace {

typedef void (*Kernel)(void* const* args);

// Launch is what the Go side asks for; it has the same struct.
struct Launch {
  Kernel kernel;
  void* const* args;
  dim3 grid, block;
  uint32_t shared;
  uint32_t strict;  // all threads meet or none does: those that have finished are missed
  void (*begin)();  // called before each block; null for nobody
};

// Report is what became of it.
struct Report {
  int32_t signal; // 0: the text says what failed
  int32_t write;  // the signal is about a write
  uint64_t address, place;
  uint3 thread, block;
  char text[256];
};

constexpr int most_threads = 1024, most_warps = most_threads / 32;
constexpr size_t stack_bytes = 256 << 10, page = 4096, shared_bytes = 256 << 10;

struct Pending { void* to; const void* from; int bytes, valid, group; };

struct Thread {
  void* sp;            // where it waits; null before it starts
  unsigned char* stack;
  void* arg;           // of the collective that it waits in
  Collective op;
  uint32_t mask;
  Pending* copies;     // that were not waited for
  int copy_count, copy_room, group;
};

struct Warp { uint32_t live, ready, meeting, barrier; };

Thread threads[most_threads];
Warp warps[most_warps];
unsigned char *stacks[most_threads], *all_stacks[most_threads]; // that no thread uses; all
int free_stacks, made_stacks;
int current, thread_count, warp_count;
int live_threads, at_barrier;
int barrier_count[2], barrier_round; // true values of this round and of the last
void* launcher;                      // where the launch waits
int32_t running;                     // the operating system's thread in a launch, 0 for none
const Launch* job;
Report* report;
bool failed;

// Saves the stack and what a function must not change, and goes on at the other stack.
extern "C" void emulated_switch(void** from, void* to);
asm(R"(
.text
.type emulated_switch, @function
emulated_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  pop %rcx
  jmp *%rcx
.size emulated_switch, .-emulated_switch
)");

[[noreturn]] void leave() {
  void* nowhere;
  emulated_switch(&nowhere, launcher);
  __builtin_unreachable();
}

void become(int t) {
  current = t;
  State& s = emulated_state;
  s.lane = t & 31;
  if (s.threads.x == (unsigned)thread_count) s.thread = {(unsigned)t, 0, 0};
  else s.thread = {t % s.threads.x, t / s.threads.x % s.threads.y, t / (s.threads.x * s.threads.y)};
}

// The next thread that can run, or -1.
int next() {
  int w = current >> 5;
  uint32_t ready = warps[w].ready;
  if (!ready)
    for (int i = 1; i < warp_count && !ready; i++) {
      if (++w == warp_count) w = 0;
      ready = warps[w].ready;
    }
  if (!ready) return -1;
  uint32_t later = w == current >> 5 ? ready & (~0u << (current & 31)) : 0;
  int lane = __builtin_ctz(later ? later : ready);
  warps[w].ready &= ~(1u << lane);
  return 32 * w + lane;
}

void stuck() {
  int met = 0, barrier = 0;
  for (int w = 0; w < warp_count; w++) met += __builtin_popcount(warps[w].meeting), barrier += __builtin_popcount(warps[w].barrier);
  emulated_fail("threads wait for ever: %d at a barrier of the block, %d for lanes of their warp, %d have finished", barrier, met, thread_count - live_threads);
}

// Runs the operation of lanes that are all there, of which one is the caller or all wait.
void complete(int w, uint32_t group) {
  void* args[32] = {};
  const int first = 32 * w + __builtin_ctz(group);
  for (uint32_t left = group; left; left &= left - 1) {
    const Thread& t = threads[32 * w + __builtin_ctz(left)];
    if (t.op != threads[first].op) emulated_fail("lanes of a warp meet in different instructions");
    args[__builtin_ctz(left)] = t.arg;
  }
  threads[first].op(group, args);
  warps[w].meeting &= ~group;
}

// Whether all lanes of a mask wait with it.
bool together(int w, uint32_t mask) {
  const uint32_t group = mask & warps[w].live;
  if ((warps[w].meeting & group) != group) return false;
  for (uint32_t left = group; left; left &= left - 1)
    if (threads[32 * w + __builtin_ctz(left)].mask != mask) return false;
  return true;
}

void release_barrier() {
  at_barrier = 0;
  barrier_round ^= 1;
  barrier_count[barrier_round] = 0;
  for (int w = 0; w < warp_count; w++) warps[w].ready |= warps[w].barrier, warps[w].barrier = 0;
}

// A finished thread is waited for no longer.
void finish() {
  Warp& w = warps[current >> 5];
  if (job->strict && at_barrier) emulated_fail("a thread ends when %d others wait at a barrier", at_barrier);
  if (job->strict && w.meeting) emulated_fail("a thread ends when %d lanes of its group wait for it", __builtin_popcount(w.meeting));
  w.live &= ~(1u << (current & 31));
  live_threads--;
  threads[current].copy_count = 0;
  for (uint32_t left = w.meeting; left;) {
    const uint32_t mask = threads[(current & ~31) + __builtin_ctz(left)].mask, group = mask & w.live;
    if (together(current >> 5, mask)) {
      complete(current >> 5, group);
      w.ready |= group;
    }
    left &= ~mask;
  }
  if (live_threads && at_barrier == live_threads) release_barrier();
}

void fibre() {
  for (;;) {
    job->kernel(job->args);
    finish();
    const int n = next();
    if (n < 0) {
      if (live_threads) stuck();
      stacks[free_stacks++] = threads[current].stack;
      leave();
    }
    unsigned char* stack = threads[current].stack;
    become(n);
    if (!threads[n].sp) { // it begins where this one ended
      threads[n].stack = stack;
      threads[n].sp = stack;
      continue;
    }
    stacks[free_stacks++] = stack;
    void* nowhere;
    emulated_switch(&nowhere, threads[n].sp);
  }
}

unsigned char* reserve(size_t bytes) { // with an unusable page on both sides
  unsigned char* p = (unsigned char*)mmap(nullptr, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED || mprotect(p + page, bytes, PROT_READ | PROT_WRITE)) {
    perror("emulation: no memory");
    abort();
  }
  return p + page;
}

void* begin(Thread& t) {
  if (!free_stacks) {
    if (made_stacks == most_threads) abort();
    stacks[free_stacks++] = all_stacks[made_stacks++] = reserve(stack_bytes);
  }
  t.stack = stacks[--free_stacks];
  void** top = (void**)(t.stack + stack_bytes) - 1;
  *top = nullptr; // where it would return to
  *--top = (void*)fibre;
  return top - 6;
}

void run(int n, void** from) {
  become(n);
  Thread& t = threads[n];
  emulated_switch(from, t.sp ? t.sp : t.sp = begin(t));
}

// Waits for whoever makes this thread ready again.
void wait() {
  const int n = next();
  if (n < 0) stuck();
  run(n, &threads[current].sp);
}

struct sigaction before[NSIG];

void on_signal(int signal, siginfo_t* info, void* context) {
  if (!running || running != (int32_t)syscall(SYS_gettid)) {
    const struct sigaction& old = before[signal];
    if (old.sa_flags & SA_SIGINFO) old.sa_sigaction(signal, info, context);
    else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) old.sa_handler(signal);
    else {
      sigaction(signal, &old, nullptr); // and again, to die of it
    }
    return;
  }
  const auto& registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  report->signal = signal;
  report->write = signal == SIGSEGV && registers[REG_ERR] & 2;
  report->address = (uint64_t)info->si_addr;
  report->place = registers[REG_RIP];
  failed = true;
  leave();
}

void watch() {
  static bool done;
  if (done) return;
  done = true;
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  for (int s : signals) {
    struct sigaction a = {};
    a.sa_sigaction = on_signal;
    a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(s, &a, &before[s]);
  }
}

} // namespace

namespace emulated {

void emulated_meet(uint32_t mask, void* arg, Collective op) {
  const int w = current >> 5;
  const uint32_t me = 1u << (current & 31);
  if (!(mask & me)) emulated_fail("a lane is not in the mask 0x%x that it gives", mask);
  if (job->strict && (mask & ~warps[w].live)) emulated_fail("lanes wait for %d others of their group that have finished", __builtin_popcount(mask & ~warps[w].live));
  Thread& t = threads[current];
  t.arg = arg, t.op = op, t.mask = mask;
  warps[w].meeting |= me;
  if (together(w, mask)) {
    const uint32_t group = mask & warps[w].live;
    complete(w, group);
    warps[w].ready |= group & ~me;
  } else {
    wait();
  }
}

int emulated_barrier(bool value) {
  if (job->strict && live_threads != thread_count) emulated_fail("a barrier is waited at when %d threads of the group have finished", thread_count - live_threads);
  const int round = barrier_round;
  barrier_count[round] += value;
  if (++at_barrier == live_threads) {
    release_barrier();
  } else {
    warps[current >> 5].barrier |= 1u << (current & 31);
    wait();
  }
  return barrier_count[round];
}

uint32_t emulated_live() { return warps[current >> 5].live; }

void emulated_fail(const char* text, ...) {
  va_list list;
  va_start(list, text);
  vsnprintf(report->text, sizeof report->text, text, list);
  va_end(list);
  failed = true;
  leave();
}

void emulated_copy(void* to, const void* from, int bytes, int valid) {
  Thread& t = threads[current];
  if (t.copy_count == t.copy_room) {
    t.copy_room = 2 * t.copy_room + 16;
    t.copies = (Pending*)realloc(t.copies, t.copy_room * sizeof(Pending));
  }
  memset(to, 0xff, bytes);
  t.copies[t.copy_count++] = {to, from, bytes, valid, t.group};
}

void emulated_commit() { threads[current].group++; }

void emulated_wait(int newest) {
  Thread& t = threads[current];
  int kept = 0;
  for (int i = 0; i < t.copy_count; i++) {
    const Pending& c = t.copies[i];
    if (c.group >= t.group - newest) {
      t.copies[kept++] = c;
      continue;
    }
    memcpy(c.to, c.from, c.valid);
    memset((unsigned char*)c.to + c.valid, 0, c.bytes - c.valid);
  }
  t.copy_count = kept;
}

// Runs a grid. The result is 0, or 1 and a report.
extern "C" int emulated_launch(const Launch* launch, Report* to) {
  static unsigned char* const shared = reserve(shared_bytes);
  watch();
  job = launch, report = to, failed = false;
  State& s = emulated_state;
  s.threads = launch->block, s.blocks = launch->grid;
  thread_count = s.threads.x * s.threads.y * s.threads.z;
  if (thread_count < 1 || thread_count > most_threads || launch->shared > shared_bytes) return 2;
  warp_count = (thread_count + 31) / 32;
  const size_t room = (launch->shared + 15) / 16 * 16;
  s.shared = shared + shared_bytes - room;
  running = (int32_t)syscall(SYS_gettid);
  for (unsigned z = 0; z < s.blocks.z && !failed; z++)
    for (unsigned y = 0; y < s.blocks.y && !failed; y++)
      for (unsigned x = 0; x < s.blocks.x && !failed; x++) {
        s.block = {x, y, z};
        memset(s.shared, 0xff, room);
        if (job->begin) job->begin();
        for (int t = 0; t < thread_count; t++) threads[t].sp = nullptr, threads[t].copy_count = threads[t].group = 0;
        for (int w = 0; w < warp_count; w++) {
          const int lanes = thread_count - 32 * w;
          const uint32_t all = lanes >= 32 ? ~0u : (1u << lanes) - 1;
          warps[w] = {all, all, 0, 0};
        }
        live_threads = thread_count, at_barrier = 0, barrier_round = 0, barrier_count[0] = 0;
        current = 0;
        run(next(), &launcher);
      }
  running = 0;
  if (!failed) return 0;
  report->thread = s.thread, report->block = s.block;
  memcpy(stacks, all_stacks, sizeof stacks); // those of the threads that were left are free again
  free_stacks = made_stacks;
  return 1;
}

} // namespace emulated
