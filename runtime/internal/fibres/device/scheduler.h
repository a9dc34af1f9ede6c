// What kernels see of the scheduler: scheduler.cpp is a library of its own, which every compiled kernel shares.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };

namespace emulated {

// The thread that runs. Everything here is of one operating system thread, which runs all threads of a grid in turn.
struct State {
  uint3 thread, block;
  dim3 threads, blocks;  // of a block, of the grid
  unsigned lane;
  unsigned char* shared; // dynamic shared memory, whose end is followed by a page that cannot be used
};
extern "C" State emulated_state;

// A collective operation gets the arguments of the lanes that take part and does the work of all of them.
typedef void (*Collective)(uint32_t lanes, void* const* args);

// Waits until all lanes of the mask that still run are here with the same operation, which the last one executes for all. arg may be
// on the stack.
extern "C" void emulated_meet(uint32_t mask, void* arg, Collective op);

// Waits for all threads of the block that still run, and gives how many of them came with a true value.
extern "C" int emulated_barrier(bool value);

// Lanes of the warp that have not finished.
extern "C" uint32_t emulated_live();

// Ends the launch with an error. The text is a format.
extern "C" [[noreturn]] void emulated_fail(const char* text, ...);

// Copies to shared memory that are done when they are waited for, not before. Until then the destination holds no numbers.
extern "C" void emulated_copy(void* to, const void* from, int bytes, int valid);
extern "C" void emulated_commit();
extern "C" void emulated_wait(int newest); // all groups but so many

} // namespace emulated
