#include "tools/bench/options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

namespace tally {
namespace {

template <class T>
bool read(std::string_view text, T& target) {
  if constexpr (std::is_same_v<T, std::string>) {
    target = text;
    return true;
  } else {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    return error == std::errc{} && end == text.data() + text.size();
  }
}

std::string show(const std::string& value) { return value.empty() ? "-" : value; }
template <class T>
std::string show(T value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

[[noreturn]] void fail_with(const std::string& message) {
  std::fprintf(stderr, "bench: %s; --help has the options\n", message.c_str());
  std::exit(2);
}

}  // namespace

BenchOptions& BenchOptions::add(std::string_view name, uint64_t& target, std::string_view meaning) {
  options_.push_back({std::string(name), &target, std::string(meaning)});
  return *this;
}

BenchOptions& BenchOptions::add(std::string_view name, uint32_t& target, std::string_view meaning) {
  options_.push_back({std::string(name), &target, std::string(meaning)});
  return *this;
}

BenchOptions& BenchOptions::add(std::string_view name, double& target, std::string_view meaning) {
  options_.push_back({std::string(name), &target, std::string(meaning)});
  return *this;
}

BenchOptions& BenchOptions::add(std::string_view name, std::string& target, std::string_view meaning) {
  options_.push_back({std::string(name), &target, std::string(meaning)});
  return *this;
}

const BenchOptions::Option* BenchOptions::find(std::string_view name) const {
  for (const Option& option : options_) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

void BenchOptions::print() const {
  std::printf("%s\n", what_.c_str());
  for (const Option& option : options_) {
    const std::string value = std::visit([](const auto* target) { return show(*target); }, option.target);
    std::printf("  %-14s %s (%s)\n", option.name.c_str(), option.meaning.c_str(), value.c_str());
  }
}

void BenchOptions::parse(int argc, char** argv) const {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--help" || name == "-h") {
      print();
      std::exit(0);
    }
    const Option* option = find(name);
    if (option == nullptr) fail_with("no option " + name);
    if (i + 1 == argc) fail_with(name + " wants a value");
    const std::string_view value = argv[i + 1];
    if (!std::visit([&](auto* target) { return read(value, *target); }, option->target)) {
      fail_with(name + " does not take \"" + argv[i + 1] + "\"");
    }
  }
}

}  // namespace tally
