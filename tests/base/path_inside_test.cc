#include "base/path_inside.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/temp_dir.h"

namespace tally {
namespace {

// Stands in the directory while it lives: relative names are told from there.
struct StandingIn {
  std::filesystem::path before = std::filesystem::current_path();
  explicit StandingIn(const std::string& directory) { std::filesystem::current_path(directory); }
  ~StandingIn() { std::filesystem::current_path(before); }
};

TEST_CASE("path inside: however it is spelled, and whether or not it is there") {
  TempDir place;
  const StandingIn here(place.file("."));
  std::filesystem::create_directories("shop/tables");
  std::filesystem::create_directories("shop2");
  std::filesystem::create_directory_symlink("shop", "link");
  struct Case {
    const char* path;
    const char* directory;
    bool inside;
  };
  const Case cases[] = {
      {"shop", "shop", true},
      {"shop/", "shop", true},
      {"shop", "shop/", true},
      {"shop/new", "shop", true},
      {"shop/new/er", "./shop", true},
      {"shop/tables/new", "shop", true},
      {"link/new", "shop", true},
      {"shop/new", "link", true},
      {"shop2/../shop/x", "shop", true},
      {"shop/../x", "shop", false},
      {"shop2", "shop", false},
      {"shop2/shop", "shop", false},
      {"new", "shop", false},
      {"shop", "shop/tables", false},
      {"new/er", "new", true},
      {"newer", "new", false},
      {"x", "/", true},
      {"/", "shop", false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.path);
    CAPTURE(one.directory);
    CHECK(path_inside(one.path, one.directory) == one.inside);
    if (one.path[0] != '/') CHECK(path_inside(place.file(one.path), one.directory) == one.inside);
  }
  const StandingIn within("shop");
  CHECK(path_inside("acks", "."));
  CHECK(path_inside("acks", "../shop"));
  CHECK_FALSE(path_inside("../acks", "."));
}

}  // namespace
}  // namespace tally
