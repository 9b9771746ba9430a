#include "tools/bench/yardsticks.h"

#include <lz4.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/file_names.h"
#include "base/limits.h"
#include "base/random.h"

namespace tally {
namespace {

template <class Work>
double median_seconds(int runs, Work work) {
  std::vector<double> seconds;
  for (int i = 0; i < runs; ++i) {
    const int64_t begun = bench_now_us();
    work();
    seconds.push_back(std::max(1e-9, seconds_since(begun)));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

volatile uint64_t sink;  // keeps results alive

Bytes ad_like_text(size_t size) {
  Random random(1);
  Bytes text;
  while (text.size() < size) {
    const std::string line = "campaign-" + std::to_string(random.below(20'000)) + ",DE,mobile," +
                             std::to_string(random.below(10'000'000)) + "\n";
    text.insert(text.end(), line.begin(), line.end());
  }
  text.resize(size);
  return text;
}

void measure_streams(Yardsticks& result, size_t size) {
  const Bytes from = ad_like_text(size);
  Bytes to(size);
  const double gb = static_cast<double>(size) / 1e9;
  result.copy_gb_s = gb / median_seconds(7, [&] { std::memcpy(to.data(), from.data(), size); });
  result.xxh3_gb_s = gb / median_seconds(5, [&] { sink = xxh3(from); });
  std::vector<char> packed(static_cast<size_t>(LZ4_compressBound(static_cast<int>(size))));
  int packed_size = 0;
  result.lz4_compress_gb_s = gb / median_seconds(3, [&] {
                               packed_size =
                                   LZ4_compress_default(reinterpret_cast<const char*>(from.data()), packed.data(),
                                                        static_cast<int>(size), static_cast<int>(packed.size()));
                             });
  result.lz4_decompress_gb_s =
      gb / median_seconds(3, [&] {
        sink = static_cast<uint64_t>(LZ4_decompress_safe(packed.data(), reinterpret_cast<char*>(to.data()), packed_size,
                                                         static_cast<int>(size)));
      });
}

void measure_random_access(Yardsticks& result, size_t lines) {
  struct Line {
    uint64_t next;
    uint64_t padding[7];
  };
  std::vector<Line> memory(lines);
  Random random(2);
  for (Line& line : memory) line.next = random.below(lines);
  const size_t reads = lines / 2;
  std::vector<uint32_t> order(reads);
  for (uint32_t& at : order) at = static_cast<uint32_t>(random.below(lines));
  const double independent = median_seconds(3, [&] {
    uint64_t sum = 0;
    for (uint32_t at : order) sum += memory[at].next;
    sink = sum;
  });
  result.random_access_m_s = static_cast<double>(reads) / independent / 1e6;
  const size_t steps = reads / 16;
  const double dependent = median_seconds(3, [&] {
    uint64_t at = sink % lines;
    for (size_t i = 0; i < steps; ++i) at = (memory[at].next + i) % lines;
    sink = at;
  });
  result.dependent_access_ns = dependent / static_cast<double>(steps) * 1e9;
}

void measure_sync(Yardsticks& result, const std::string& directory, int syncs) {
  std::unique_ptr<FileSystem> fs = make_posix_file_system();
  const std::string path = join_path(directory, "yardstick");
  auto file = fs->open(path, OpenMode::kCreate);
  if (!file) return;
  const Bytes zeros(limits::kMiB);
  const Bytes page(4096, 0x5A);
  bool good = (*file)->write_at(0, zeros).has_value() && (*file)->sync().has_value();
  uint64_t offset = 0;
  const double seconds = median_seconds(syncs, [&] {
    good = good && (*file)->write_at(offset, page).has_value() && (*file)->sync_data().has_value();
    offset = (offset + page.size()) % zeros.size();
  });
  if (good) result.fdatasync_ms = seconds * 1e3;
  file->reset();
  (void)fs->unlink(path);
}

}  // namespace

int64_t bench_now_us() { return system_clock().boottime_us(); }
double seconds_since(int64_t begun_us) { return static_cast<double>(bench_now_us() - begun_us) / 1e6; }
bool tiny_bench() { return std::getenv("TALLY_BENCH_TINY") != nullptr; }

uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// A line of /proc/self/status in bytes, as "VmRSS:   1234 kB".
static uint64_t process_status(std::string_view name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  }
  return 0;
}

uint64_t start_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << "5";  // the kernel forgets the peak (proc(5))
  return process_status("VmRSS");
}

uint64_t peak_since_start() { return process_status("VmHWM"); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Yardsticks measure_yardsticks(const std::string& directory) {
  Yardsticks result;
  measure_streams(result, tiny_bench() ? limits::kMiB : 64 * limits::kMiB);
  measure_random_access(result, tiny_bench() ? 16'384 : 8'388'608);
  measure_sync(result, directory, tiny_bench() ? 3 : 101);
  return result;
}

void print_yardsticks(const Yardsticks& y) {
  std::printf("yardsticks of this machine in this run\n");
  std::printf("  memory copy            %8.2f GB/s a core\n", y.copy_gb_s);
  std::printf("  XXH3                   %8.2f GB/s\n", y.xxh3_gb_s);
  std::printf("  LZ4                    %8.2f GB/s compress, %.2f GB/s decompress\n", y.lz4_compress_gb_s,
              y.lz4_decompress_gb_s);
  std::printf("  random cache lines     %8.2f M/s independent, %.0f ns dependent\n", y.random_access_m_s,
              y.dependent_access_ns);
  std::printf("  fdatasync of 4 KiB     %8.3f ms\n", y.fdatasync_ms);
}

}  // namespace tally
