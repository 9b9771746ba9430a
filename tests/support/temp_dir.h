// A fresh directory of the machine's disk under $TMPDIR (or /tmp), removed with all that is in it at the end of its life.
#pragma once

#include <string>
#include <string_view>

namespace tally {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace tally
