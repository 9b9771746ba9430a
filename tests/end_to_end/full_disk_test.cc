// A disk that fills up in the middle of a load: a small tmpfs where mounting is allowed. (The simulated disk fills up in
// tests/engine and tests/wal, everywhere.)
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "tests/end_to_end/program.h"

namespace tally {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class SmallDisk {
 public:
  SmallDisk(const std::string& path, const char* size) : path_(path) {
    std::string options = std::string("size=") + size;
    mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  // Fills the disk but for `left` bytes with one file.
  void fill(FileSystem& fs, uint64_t left) const {
    struct statvfs info{};
    REQUIRE(::statvfs(path_.c_str(), &info) == 0);
    uint64_t available = uint64_t{info.f_bavail} * info.f_bsize;
    REQUIRE(available > left);
    auto file = fs.open(path_ + "/filler", OpenMode::kCreate);
    REQUIRE(file.has_value());
    REQUIRE((*file)->preallocate(available - left).has_value());
  }
  void make_room(FileSystem& fs) const { REQUIRE(fs.unlink(path_ + "/filler").has_value()); }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST_CASE("full disk: the load stops with what it acknowledged, says where, and goes on once there is room") {
  Workshop shop;
  std::string mount_point = shop.path("disk");
  REQUIRE(shop.fs().make_directory(mount_point).has_value());
  SmallDisk disk(mount_point, "640m");
  if (!disk.mounted()) {
    MESSAGE("no tmpfs can be mounted here (" << std::strerror(errno) << "): skipped");
    return;
  }
  std::string data = mount_point + "/shop";
  REQUIRE(shop.tally({"init", data}).code == 0);
  Ran made = shop.tally({"sql", "--data", data, "-c",
                         "CREATE TABLE notes (ts TIMESTAMP EVENT TIME, id ID UNIQUE WITHIN '72 hours', "
                         "kind STRING DIMENSION, note STRING FIELD, notes MEASURE COUNT)"});
  REQUIRE_MESSAGE(made.code == 0, made.err);

  // About 100 MiB in the log; what is left is used up by two log files of 64 MiB and what is in memory, down to the hard mark.
  std::string text = "ts,id,kind,note\n";
  constexpr int kRows = 100'000;
  for (int i = 0; i < kRows; ++i) {
    std::string number = std::to_string(i);
    text += "2019-11-24,n" + number + ",k," + number + std::string(1'000, 'x') + "\n";
  }
  std::string file = shop.put("notes.csv", text);
  std::string acks = shop.path("acks");
  const std::vector<std::string> load = {"load",    "--data", data,         "--table", "notes", "--replay",
                                         "--batch", "5000",   "--ack-file", acks,      file};
  disk.fill(shop.fs(), 416 * kMiB);
  Ran stopped = shop.tally(load);
  CAPTURE(stopped.out);
  CAPTURE(stopped.err);
  CHECK(stopped.code == 1);
  CHECK(stopped.err.find("run the same command again to go on from there") != std::string::npos);
  std::string position = shop.get("acks");
  int acknowledged = 0;
  size_t at = position.rfind("rows ");
  if (at != std::string::npos) acknowledged = std::atoi(position.c_str() + at + 5);
  CHECK(acknowledged > 0);
  CHECK(acknowledged < kRows);

  CHECK(stopped.err.find("below the hard mark") != std::string::npos);
  CHECK(shop.ask(data, "SELECT part, state FROM system.health") == "disk,soft\n");  // nothing is in memory any more
  disk.make_room(shop.fs());
  CHECK(std::atoi(shop.ask(data, "SELECT COUNT(*) FROM notes").c_str()) >= acknowledged);
  Ran resumed = shop.tally(load);
  CHECK_MESSAGE(resumed.code == 0, resumed.err);
  CHECK(shop.ask(data, "SELECT COUNT(*) FROM notes") == std::to_string(kRows) + "\n");
  CHECK(shop.tally({"check", data}).code == 0);
}

}  // namespace
}  // namespace tally
