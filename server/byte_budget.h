// So many bytes may be in memory; who wants more waits, first come first served. Of the network thread alone.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

namespace tally {

class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes) : free_(bytes), all_(bytes) {}

  struct Claim {
    uint64_t bytes = 0;
    bool granted = false;
    bool given_up = false;
    std::function<void()> on_grant;  // at once never: only for a claim that waits
  };
  // Granted at once, or later, when `on_grant` runs. `bytes` at most all there are.
  std::shared_ptr<Claim> claim(uint64_t bytes, std::function<void()> on_grant) {
    auto made = std::make_shared<Claim>();
    made->bytes = bytes < all_ ? bytes : all_;
    if (waiting_.empty() && made->bytes <= free_) {
      free_ -= made->bytes;
      made->granted = true;
      return made;
    }
    made->on_grant = std::move(on_grant);
    waiting_.push_back(made);
    return made;
  }
  // Of a claim, granted or not; twice does nothing more.
  void release(Claim& claim) {
    if (claim.given_up) return;
    claim.given_up = true;
    claim.on_grant = nullptr;
    if (claim.granted) free_ += claim.bytes;
    grant();
  }
  uint64_t used() const { return all_ - free_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  void grant() {
    while (!waiting_.empty()) {
      const std::shared_ptr<Claim> first = waiting_.front();
      if (!first->given_up) {
        if (first->bytes > free_) return;
        free_ -= first->bytes;
        first->granted = true;
      }
      waiting_.pop_front();
      if (!first->given_up && first->on_grant) first->on_grant();
    }
  }

  uint64_t free_;
  const uint64_t all_;
  std::deque<std::shared_ptr<Claim>> waiting_;
};

}  // namespace tally
