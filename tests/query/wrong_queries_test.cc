// docs/WRONG_QUERIES.md, asked: every ```sql block gets the message of the ```text block behind it, caret and all.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "tests/query/sql_world.h"

namespace tally {
namespace {

// The fenced blocks of a page, in order: language and text.
std::vector<std::pair<std::string, std::string>> blocks_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::pair<std::string, std::string>> blocks;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.emplace_back(line.substr(3), "");
    } else if (inside) {
      blocks.back().second += (blocks.back().second.empty() ? "" : "\n") + line;
    }
  }
  return blocks;
}

}  // namespace

TEST_CASE("wrong queries: the page says what each of them gets") {
  const auto blocks = blocks_of("docs/WRONG_QUERIES.md");
  REQUIRE(blocks.size() >= 41);
  SqlWorld world;
  REQUIRE(!world.run(blocks[0].second).starts_with("error"));
  for (size_t i = 1; i + 1 < blocks.size(); i += 2) {
    REQUIRE(blocks[i].first == "sql");
    REQUIRE(blocks[i + 1].first == "text");
    CHECK(world.refusal(blocks[i].second) == blocks[i + 1].second);
  }
}

}  // namespace tally
