// Every limit of the server: its name, its default, its reason. All are on by default; those that an operator may change are
// settings (server/settings.h), with these as defaults.
#pragma once

#include <cstdint>

#include "base/limits.h"

namespace tally::limits {

// --- frames (server/PROTOCOL.md names the same figures) --------------------------------------------------------------
inline constexpr uint32_t kHelloFieldsMax = 4 * kKiB;  // before anybody has said who they are
inline constexpr uint32_t kPlainFieldsMax = 64 * kKiB;
inline constexpr uint32_t kBatchFieldsMax = 9 * kMiB;  // rejected rows travel with their batch
inline constexpr uint32_t kBatchDataMax =
    kBatchBytesMax + 4 * kKiB;                            // header and directory, body: a batch as the log takes it
inline constexpr uint32_t kResultFieldsMax = 512 * kKiB;  // one verdict for each row of a batch
inline constexpr uint32_t kQueryFieldsMax = 5 * kMiB;     // a statement and its parameters
inline constexpr uint32_t kColumnsFieldsMax = 2 * kMiB;
inline constexpr uint32_t kFieldsStep =
    64 * kKiB;  // fields outside the budget take memory so much at a time, as they come
inline constexpr uint32_t kRowsDataMax = 16 * kMiB;     // one row at least
inline constexpr uint32_t kRowsDataUsual = 256 * kKiB;  // a piece of an answer is cut here
inline constexpr uint32_t kRowsCellsMax = 512 * kKiB;   // of a piece: a cell in memory is larger than on the wire
inline constexpr uint32_t kWireTextMax = 64 * kKiB;     // a name, a message
inline constexpr uint32_t kParametersMax = 1'024;       // of one statement

// --- connections -------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kConnectionsMax = 12'000;               // each holds a descriptor and a few KiB
inline constexpr uint32_t kSilentConnectionsMax = 256;            // that have not said HELLO yet (C7)
inline constexpr uint32_t kConnectionsPerAddressMax = 10'240;     // C8: others still find room
inline constexpr TimeUs kHelloTimeoutUs = 10 * kMicrosPerSecond;  // C8
inline constexpr TimeUs kWelcomeTimeUs = 10 * kMicrosPerSecond;   // a client's: from connecting to WELCOME
inline constexpr TimeUs kFrameTimeoutUs = 20 * kMicrosPerSecond;  // from the first byte of a frame to its last
inline constexpr TimeUs kIdleTimeoutUs = 10 * kMicrosPerMinute;   // nothing asked, nothing owed
inline constexpr TimeUs kWriteTimeoutUs = 30 * kMicrosPerSecond;  // a client that does not read its answers
inline constexpr TimeUs kLingerUs = 2 * kMicrosPerSecond;         // for the last frame to be read
inline constexpr TimeUs kStopTimeoutUs = 30 * kMicrosPerSecond;   // for what is in flight when the server stops
inline constexpr uint32_t kAnswersQueuedMax = 1'024;              // frames waiting to be written to one client

// --- ingest and queries --------------------------------------------------------------------------------------------------
inline constexpr uint32_t kCreditsPerConnection = 8;     // batches sent and not answered
inline constexpr uint64_t kIngestBytesMax = 256 * kMiB;  // of batches received and not answered, all connections
inline constexpr uint64_t kIngestChargeMin = 64 * kKiB;  // what a small batch counts as: queues stay short too
inline constexpr uint32_t kWorkersMax = 256;
inline constexpr uint32_t kQueriesRunningMax = 4;
inline constexpr uint32_t kQueriesWaitingMax = 64;
inline constexpr uint32_t kQueriesPerConnection = 16;  // asked and not answered
inline constexpr TimeUs kQueryTimeUs =
    5 * kMicrosPerMinute;  // for computing an answer; its way to the client has its own
inline constexpr TimeUs kProgressEveryUs = kMicrosPerSecond / 4;
inline constexpr size_t kSqlOutlineBytesMax = 1'024;          // of a statement in the log
inline constexpr TimeUs kSlowQueryUs = 2 * kMicrosPerSecond;  // the log tells of a statement that took longer
inline constexpr uint32_t kPiecesInFlightMax = 4;             // of an answer, written to the client or waiting for it
inline constexpr TimeUs kRowsWaitUs = 100'000;                // rows that are made wait so long for a frame to fill
inline constexpr TimeUs kAnswerTimeUs =
    10 *
    kMicrosPerMinute;  // for a client to read an answer that is being made: the rows it is made of are kept so long

// --- HTTP of the operations listener -------------------------------------------------------------------------------------
inline constexpr uint32_t kOpsConnectionsMax = 64;
inline constexpr uint32_t kOpsHeaderBytesMax = 8 * kKiB;
inline constexpr uint32_t kOpsUnreadBytesMax = 256 * kKiB;  // of what a client still sends behind its answer

static_assert(kBatchDataMax >= kBatchBytesMax + 32 + 12 * kColumnsMax, "a batch that the engine takes, the wire takes");
static_assert(kBatchFieldsMax > kRejectedBytesMax + kSourceRunsMax * 12, "and so are its notes");
static_assert(kQueryFieldsMax > kSqlBytesMax);
static_assert(kIngestBytesMax >= kBatchDataMax + kBatchFieldsMax, "one batch always fits");
static_assert(kRowsCellsMax > kRowsDataUsual + kSqlColumnsMax,
              "a piece is cut when its bytes, one a cell at least, are many");
static_assert(kResultFieldsMax > kBatchRowsMax * 5 + 128);

}  // namespace tally::limits
