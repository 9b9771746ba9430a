// Sends batches to a server (server/PROTOCOL.md), each until it is answered: over as many connections as that takes, the same
// bytes each time, so that ids make it safe.
//
//   TALLY_ASSIGN_OR_RETURN(auto client, Client::connect({.address = "127.0.0.1:9077", .table = "ads"}));
//   BatchBuilder builder(client->schema());
//   ...
//   client->send({.payload = builder.finish(), .payload_xxh3 = sum}, [](Result<BatchResult> result) { ... });
//
// What an answer means is what Table::ingest_async promises: kRetryLater and kNoSpace come only when the server asked for
// patience longer than ClientOptions::resend_patience_us; kIndeterminate and kReadOnly likewise; kIoError when there was no
// connection for connect_patience_us: the batch may be there or not, send it again one day. A server that will not read what it
// is sent, time and again, ends the client: every batch gets that error. Answers come in any order.
//
// Threads: send() by any, one at a time; answers run on the client's own thread and must not block.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/schema.h"
#include "engine/table.h"
#include "server/limits.h"

namespace tally {

struct ClientOptions {
  std::string address;  // ADDRESS:PORT
  std::string table;
  std::string name = "tally";
  size_t in_flight_max = 32;                   // batches handed over and not answered; send() waits
  TimeUs welcome_us = limits::kWelcomeTimeUs;  // from connecting to WELCOME
  TimeUs connect_patience_us = 30 * kMicrosPerSecond;
  TimeUs resend_patience_us = 60 * kMicrosPerSecond;
  TimeUs backoff_first_us = 50'000;  // doubles, with jitter: between half of it and all of it
  TimeUs backoff_max_us = 5 * kMicrosPerSecond;
  // Told by the client's thread that there is no connection any more and none could be made, why, and for how long it goes on
  // trying; and, with an empty text, that one stands again.
  std::function<void(const std::string& why)> on_outage = {};
};

class Client {
 public:
  // The first connection stands, and the table is known. Tries once.
  static Result<std::unique_ptr<Client>> connect(ClientOptions options);
  virtual ~Client() = default;  // what is not answered is answered kCancelled

  virtual const Schema& schema() const = 0;  // of the batches: columns only
  virtual const std::array<uint8_t, 16>& table_uuid() const = 0;
  virtual void send(IngestBatch batch, Table::Done done) = 0;
  virtual void finish() = 0;  // until everything sent is answered

  struct Stats {
    uint64_t connections = 0;
    uint64_t resent = 0;  // batches sent once more
  };
  virtual Stats stats() const = 0;
};

// The pause before try number `failures` (from 1), with `random` bits of jitter.
TimeUs backoff_us(const ClientOptions& options, uint32_t failures, uint64_t random);

}  // namespace tally
