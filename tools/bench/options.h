// The options of a benchmark's command line: `--name value` pairs. `--help` prints them with their defaults and ends the process
// with 0; a name or value that is not understood is said, with 2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tally {

class BenchOptions {
 public:
  explicit BenchOptions(std::string_view what) : what_(what) {}
  // The value that `target` has is the default, and what is given goes there. It must outlive parse().
  BenchOptions& add(std::string_view name, uint64_t& target, std::string_view meaning);
  BenchOptions& add(std::string_view name, uint32_t& target, std::string_view meaning);
  BenchOptions& add(std::string_view name, double& target, std::string_view meaning);
  BenchOptions& add(std::string_view name, std::string& target, std::string_view meaning);
  void parse(int argc, char** argv) const;

 private:
  using Target = std::variant<uint64_t*, uint32_t*, double*, std::string*>;
  struct Option {
    std::string name;
    Target target;
    std::string meaning;
  };
  const Option* find(std::string_view name) const;
  void print() const;

  std::string what_;
  std::vector<Option> options_;
};

}  // namespace tally
