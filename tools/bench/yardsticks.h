// What this machine can do, measured in the same run as the figures that it explains: machines are noisy and differ, so
// every benchmark prints these beside its own numbers and comparisons are ratios. Each is the median of a few short runs.
#pragma once

#include <cstdint>
#include <string>

namespace tally {

struct Yardsticks {
  double copy_gb_s = 0;          // memcpy of 64 MiB, one core
  double xxh3_gb_s = 0;          // XXH3-64 over 64 MiB
  double lz4_compress_gb_s = 0;  // of ad-like text
  double lz4_decompress_gb_s = 0;
  double random_access_m_s = 0;    // independent reads of cache lines of 512 MiB, millions a second
  double dependent_access_ns = 0;  // each read needs the one before
  double fdatasync_ms = 0;         // 4 KiB into a preallocated, written file in `directory`
};

// Takes about a second and 512 MiB; TALLY_BENCH_TINY makes it small.
Yardsticks measure_yardsticks(const std::string& directory);
void print_yardsticks(const Yardsticks& yardsticks);

bool tiny_bench();  // TALLY_BENCH_TINY is set: run for a moment, so that the benchmark does not rot
double seconds_since(int64_t begun_us);
int64_t bench_now_us();
uint64_t peak_memory_bytes();  // of this process, from the kernel
uint64_t start_peak_memory();  // what is resident now; from here on the next one counts
uint64_t peak_since_start();
double cpu_seconds();  // user and system, of this process, all threads

}  // namespace tally
