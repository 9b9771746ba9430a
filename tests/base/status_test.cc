#include "base/status.h"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace tally {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::kInvalidArgument, std::to_string(value) + " is odd");
  return value / 2;
}

Result<int> quarter(int value) {
  TALLY_ASSIGN_OR_RETURN(int halved, half(value));
  return half(halved);
}

Status check_quarter(int value) {
  TALLY_TRY(quarter(value));
  return {};
}

TEST_CASE("status: an error travels up, a value comes out") {
  CHECK(quarter(12).value() == 3);
  CHECK(quarter(6).error().message == "3 is odd");
  CHECK(check_quarter(8));
  CHECK(check_quarter(5).error().code == Code::kInvalidArgument);
}

TEST_CASE("status: context is put in front, outermost first") {
  Error error{Code::kCorruption, "bad checksum"};
  error = std::move(error).with_context("block 3");
  error = std::move(error).with_context("00000001.seg");
  CHECK(error.to_string() == "corruption: 00000001.seg: block 3: bad checksum");
}

TEST_CASE("status: every code has a name of its own") {
  std::vector<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    std::string_view name = code_name(static_cast<Code>(code));
    CHECK(name != "unknown error");
    for (std::string_view other : names) CHECK(name != other);
    names.push_back(name);
  }
}

Result<std::unique_ptr<int>> boxed(int value) { return std::make_unique<int>(value); }

Result<int> unbox(int value) {
  std::unique_ptr<int> box;
  TALLY_ASSIGN_OR_RETURN(box, boxed(value));
  return *box;
}

TEST_CASE("status: what can only be moved passes through") { CHECK(unbox(4).value() == 4); }

}  // namespace
}  // namespace tally
