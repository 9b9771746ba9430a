// The real server over real sockets, told by the client in plain Python (serve_stories.py has the stories).
#include "tests/end_to_end/program.h"

namespace tally {
namespace {

void tell(const char* story) {
  Workshop shop;
  Ran ran = shop.run({"python3", "-B", "tests/end_to_end/serve_stories.py", story, tally_binary(), shop.path("work")});
  CAPTURE(ran.out);
  CAPTURE(ran.err);
  CAPTURE(shop.get("work/server.log"));
  CHECK(ran.code == 0);
  CHECK(ran.out.find("told\n") != std::string::npos);
}

TEST_CASE("serve: real rows over the network are the truth, and again nothing but duplicates") { tell("truth"); }
TEST_CASE("serve: killed in mid-batch three times, everything unanswered is sent again") { tell("killed"); }
TEST_CASE("serve: SIGTERM under load answers what was taken and loses nothing") { tell("stopped_under_load"); }
TEST_CASE("serve: slow, wrong and hostile clients are told why and let go") { tell("broken"); }
TEST_CASE("serve: parameters that are no values end their connection alone") { tell("parameters"); }
TEST_CASE("serve: bytes that are not UTF-8 are kept, and shown as text") { tell("bad_bytes"); }
TEST_CASE("serve: memory is taken for bytes that come, not for those announced") { tell("announced"); }
TEST_CASE("serve: nobody reads the log, and the server goes on") { tell("unread_log"); }
TEST_CASE("serve: ten thousand idle connections from a process of their own") { tell("crowd"); }
TEST_CASE("serve: one address takes its share of connections and no more") { tell("one_address"); }
TEST_CASE("serve: an answer larger than memory leaves while it is made") { tell("streamed"); }
TEST_CASE("serve: connections that never say HELLO do not last") { tell("silent"); }
TEST_CASE("serve: statements over the network") { tell("questions"); }
TEST_CASE("serve: a statement is stopped by CANCEL, by a closed connection, by its time limit") { tell("cancelled"); }
TEST_CASE("backup: of a server that takes batches meanwhile, restored, and every id is known") { tell("backups"); }
TEST_CASE("backup: killed on its way it is refused by name, and the source is as before") { tell("backups_killed"); }
TEST_CASE("serve: a table that takes no batches is named, and the others go on") { tell("degraded"); }
TEST_CASE("serve: health, metrics, settings, addresses") { tell("operations"); }
TEST_CASE("serve: what is believed of the clock, and a disk below its hard mark") { tell("clocks_and_disks"); }
TEST_CASE("serve: eight producers send the same events and memory stays in its budget") { tell("many_producers"); }
TEST_CASE("serve: load, sql and generate with --server, over a server that is killed twice") { tell("with_program"); }

}  // namespace
}  // namespace tally
