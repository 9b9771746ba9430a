// A SELECT by chance over a RandomWorld, as a tree that can be written down, for Tally and (where it can say the same) for
// DuckDB, counted by the features in it, and cut smaller while it still fails.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/query/random_world.h"

namespace tally::reference {

// An expression: pieces of text around its children. Types: n number, s string, t timestamp, b condition.
struct Tree {
  char type = 'n';
  std::string feature;
  std::vector<std::string> text;       // one more than children
  std::vector<std::string> elsewhere;  // for DuckDB where that differs; one empty string: it cannot say it
  std::vector<Tree> children;
};

struct RandomQuery {
  enum class From : uint8_t { kNothing, kRaw, kTable } from = From::kNothing;
  struct Item {
    Tree tree;
    bool key = false;
    unsigned grouped_by = 0;  // keys: 0 by its text, 1 by its number, 2 by its name
  };
  struct Order {
    unsigned item = 0;
    bool descending = false;
    unsigned nulls = 0;  // 0 unsaid, 1 first, 2 last
    bool by_name = false;
  };
  bool distinct = false, grouped = false, group_all = false, fill = false;
  std::vector<Item> items;
  std::vector<Tree> where, having;
  std::vector<Order> order_by;
  std::optional<unsigned> limit, offset;

  std::string sql() const;
  // nullopt: DuckDB has no words for it. `approximate`: which columns it computes in floating point.
  std::optional<std::string> elsewhere(std::vector<bool>& approximate) const;
  std::set<std::string> features() const;
  std::vector<RandomQuery> smaller() const;  // queries that are this one less something
};

RandomQuery random_query(Random& random, const RandomWorld& world);

}  // namespace tally::reference
