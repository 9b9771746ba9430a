// Every limit of Tally: its name, its default, its reason. Relations between limits are asserted at the end. What an
// operator may change is read through settings, with these as defaults.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace tally::limits {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// --- files ---------------------------------------------------------------------------------------------------------
inline constexpr int kLockRetries = 5;             // S3: io_uring holds a killed process' descriptors a moment
inline constexpr TimeUs kLockRetryUs = 50 * 1000;  // between two of them

// --- log -----------------------------------------------------------------------------------------------------------
inline constexpr uint64_t kLogAlignment = 4096;       // O_DIRECT and torn-write granularity; groups are padded to it
inline constexpr uint64_t kLogFileBytes = 64 * kMiB;  // preallocation unit; two at most are in use after a flush
inline constexpr unsigned kLogSpareFilesMax = 5;  // a memtable takes 4, 1 is made ahead: no file anew in a flush cycle
inline constexpr uint64_t kLogRecordBytesMax = 48 * kMiB;   // one batch with its meta
inline constexpr uint64_t kLogGroupBytesMax = 52 * kMiB;    // one append: a full record and small company
inline constexpr unsigned kLogGroupsInFlightMax = 4;        // W10 "pipeline depth": a torn tail spans at most these
inline constexpr TimeUs kLogSealIdleUs = kMicrosPerSecond;  // W15
inline constexpr TimeUs kLogSlowSyncUs = kMicrosPerSecond;  // W24: warn above this
inline constexpr unsigned kLogTornFilesMax = 4;  // evidence of torn tails; a crash loop must not fill the disk

// --- batch ---------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kBatchRowsMax = 65'536;           // a row index fits 16 bits in shard routing
inline constexpr uint64_t kBatchBytesMax = 16 * kMiB;       // encoded
inline constexpr uint32_t kBatchRowsDefault = 20'000;       // what `tally load` sends at a time
inline constexpr uint32_t kStringBytesMax = 64 * kKiB - 1;  // one string value, one id
inline constexpr uint64_t kRejectedBytesMax = 8 * kMiB;     // all bad rows reported with one batch, encoded
inline constexpr uint32_t kRejectedRawBytesMax = 4 * kKiB;  // of a bad row kept with its reason

// --- schema --------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kNameBytesMax = 128;
inline constexpr uint32_t kFileNameBytesMax = 255;  // one path component, as every file system of ours has it
inline constexpr uint32_t kColumnsMax = 256;        // dimensions, fields and measures together
inline constexpr uint32_t kRollupsMax = 32;
inline constexpr uint32_t kTablesMax = 1'024;
inline constexpr uint32_t kDimensionValuesDefault = 1'000'000;
inline constexpr uint32_t kDimensionValuesMax = 16'000'000;
inline constexpr uint64_t kDimensionBytesMax = 1 * kGiB;       // of one dimension's values together; beyond it (other)
inline constexpr uint64_t kDictionaryFileBytes = 256 * kMiB;   // values go to another file from here on
inline constexpr TimeUs kFutureSkewUs = 5 * kMicrosPerMinute;  // event time further ahead of arrival is too early
inline constexpr TimeUs kGraceDefaultUs = 5 * kMicrosPerMinute;  // above it an accepted row counts as late

// --- memory --------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kChunkRows = 65'536;
inline constexpr uint64_t kMemtableBytesMax = 256 * kMiB;  // per table, before a flush marker is sent
inline constexpr uint32_t kShardsMax = 64;
inline constexpr uint32_t kIngestQueueMax = 64;             // batches waiting for a table's sequencer
inline constexpr uint64_t kRememberedIdsMax = 400'000'000;  // beyond it ingest answers retry_later

// --- remembered ids ------------------------------------------------------------------------------------------------
// How much longer than its class's duration a generation is kept: so that no horizon overtakes a live row.
inline constexpr TimeUs kForgetGraceUs = kFutureSkewUs;
inline constexpr uint64_t kIdRunCacheBytesMax = kMiB;      // a shard's checked blocks; the rest is the page cache's
inline constexpr uint32_t kIdRunFanIn = 8;                 // runs of one size that become one
inline constexpr uint64_t kIdRunSmallEntries = 32'768;     // runs up to here count as one size
inline constexpr uint64_t kIdRunEntriesMax = 400'000'000;  // a merge makes no run above this: its room is bounded

// --- retractions ---------------------------------------------------------------------------------------------------
inline constexpr uint32_t kRetractionIdsMax = 65'536;        // of one request: one VERDICT record
inline constexpr uint32_t kRetractionTextBytesMax = 1'024;   // a reason, a name
inline constexpr uint64_t kRetractionsMax = 16'000'000;      // of a table, ever; beyond it retract answers retry_later
inline constexpr uint64_t kRetractionFileBytes = 64 * kMiB;  // flushes join their files up to this size
// --- dead letters --------------------------------------------------------------------------------------------------
inline constexpr TimeUs kDeadLetterRetentionUs = 30 * kMicrosPerDay;  // by arrival; a fix takes days, not months
inline constexpr uint32_t kSourceRunsMax = 8'192;      // stretches of source rows named in a record: 96 KiB
inline constexpr uint64_t kLetterBlockBytes = kMiB;    // of letters, compressed together
inline constexpr uint32_t kLetterFanIn = 8;            // files of about one size that become one
inline constexpr uint64_t kLetterSmallBytes = kMiB;    // files up to here count as one size
inline constexpr uint64_t kLetterFileBytesMax = kGiB;  // no file is joined beyond this
inline constexpr uint32_t kLetterSpanParts = 8;        // a joined file spans at most this part of the retention

// --- segments and manifest -----------------------------------------------------------------------------------------
inline constexpr uint32_t kSegmentBlockRows = 8'192;      // between 2,048 and 65,536
inline constexpr uint32_t kRollupBlockRows = 4'096;       // of tiers: what is asked of them is narrow
inline constexpr uint64_t kBlockCacheBytes = 256 * kMiB;  // of segments' blocks kept in memory, of a whole database
inline constexpr uint64_t kSegmentBytesMax = 4 * kGiB;
inline constexpr uint64_t kManifestBytesMax = 1 * kGiB;
inline constexpr uint64_t kManifestRewriteBytes = 4 * kMiB;  // a manifest grown by this is rewritten as one snapshot
inline constexpr uint64_t kManifestReserveBytes = 4 * kMiB;  // S1: given up when the disk is full, for retention to run

// --- room on the disk ------------------------------------------------------------------------------------------------
inline constexpr uint64_t kFreeBytesSoft = 2 * kGiB;    // below it joins, and folds that do not fit, wait
inline constexpr uint64_t kFreeBytesHard = 256 * kMiB;  // and what is in memory: below them ingest answers no_space
inline constexpr uint64_t kFreeReleasePercent = 125;    // of a mark: where it is left again
inline constexpr TimeUs kSpacePollUs = 100'000;         // what is written meanwhile is far below the hard mark
inline constexpr uint64_t kOrphanFilesMax = 1'000;      // of one table's orphan/; beyond it somebody is told to look
inline constexpr uint64_t kOrphanBytesMax = 4 * kGiB;

// --- query ---------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kSqlBytesMax = 4 * kMiB;
inline constexpr uint32_t kSqlDepthMax = 200;      // nesting of expressions
inline constexpr uint32_t kSqlListMax = 200'000;   // values of one IN list
inline constexpr uint32_t kSqlNodesMax = 500'000;  // of one statement's syntax tree, about 100 bytes each
inline constexpr uint32_t kSqlColumnsMax = 4'096;  // columns, and aggregates, of one answer
inline constexpr uint32_t kSqlKeysMax = 256;       // of one GROUP BY or ORDER BY
inline constexpr uint64_t kQueryMemoryBytesMax = 2 * kGiB;
inline constexpr uint64_t kQueriesMemoryBytesMax = 4 * kGiB;  // of all queries of a process together
inline constexpr uint64_t kQueryRowsAThread = 131'072;        // to read, before another thread is worth waking

// --- loading -------------------------------------------------------------------------------------------------------
inline constexpr uint32_t kSourceLineBytesMax = 16 * kMiB;  // one CSV record or NDJSON line
inline constexpr uint32_t kRejectedShown = 10;              // bad rows named on stderr; all go to --rejected

static_assert(kLogGroupBytesMax >= kLogRecordBytesMax + kLogAlignment);
static_assert(kLogFileBytes >= kLogGroupBytesMax + 2 * kLogAlignment, "a group fits a file");
static_assert(kLogSpareFilesMax >= kMemtableBytesMax / kLogFileBytes + 1, "a flush cycle finds its files made");
static_assert(2 * kBatchBytesMax + kRejectedBytesMax + kMiB <= kLogRecordBytesMax,
              "a batch, its values when all are new, and its rejected rows fit a record");
static_assert(kFreeBytesSoft >= 2 * kFreeBytesHard, "joins wait long before ingest does");
static_assert(kFreeBytesHard >= kLogFileBytes + 2 * kManifestRewriteBytes + kManifestReserveBytes,
              "a log file and manifests beside what is in memory");
static_assert(kBatchRowsMax <= kChunkRows);
static_assert(kBatchRowsDefault <= kBatchRowsMax);

}  // namespace tally::limits
