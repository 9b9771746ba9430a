// ./dev demo is the main job on real data, with its own proofs: a failed one ends it with another exit code.
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

TEST_CASE("demo: real impressions, loaded twice, killed midway, none lost and none counted twice") {
  Workshop shop;
  Ran ran = shop.run({"bash", "tools/dev/demo.sh"});
  CAPTURE(ran.out);
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK(ran.out.find("All of it held.") != std::string::npos);
  size_t proofs = 0;
  for (size_t at = 0; (at = ran.out.find("✓", at)) != std::string::npos; ++at) ++proofs;
  CHECK(proofs == 11);
}

}  // namespace
}  // namespace tally
