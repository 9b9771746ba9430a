#include "server/answer_sender.h"

#include "base/utf8.h"
#include "server/limits.h"

namespace tally {
namespace {

// A text is UTF-8 on the wire, whatever bytes a producer once sent.
void append_cell(const Cell& cell, ByteWriter& out) {
  if (cell.kind != Cell::Kind::kString || is_utf8(cell.text)) return encode_cell(cell, out);
  Cell shown;
  shown.kind = Cell::Kind::kString;
  shown.text = escape_bad_utf8(cell.text);
  encode_cell(shown, out);
}

}  // namespace

Status AnswerSender::begin(std::span<const ResultColumn> columns) {
  return put(FrameType::kColumns, encode_fields(ColumnsMessage{.columns = {columns.begin(), columns.end()}}), {});
}

Status AnswerSender::take(std::span<const std::vector<Cell>> rows) {
  for (const std::vector<Cell>& row : rows) TALLY_TRY(append(row));
  return waiting_ > 0 && clock_.boottime_us() - sent_us_ >= limits::kRowsWaitUs ? send_rows() : Status{};
}

Status AnswerSender::append(const std::vector<Cell>& row) {
  const size_t before = data_.size();
  ByteWriter out(data_);
  for (const Cell& cell : row) append_cell(cell, out);
  if (data_.size() - before > limits::kRowsDataMax - limits::kRowsDataUsual) {
    return fail(Code::kLimitExceeded, "a row is longer than a frame may be");
  }
  ++waiting_;
  ++rows_;
  return data_.size() >= limits::kRowsDataUsual ? send_rows() : Status{};
}

Status AnswerSender::finish() { return waiting_ > 0 ? send_rows() : Status{}; }

Status AnswerSender::send_rows() {
  TALLY_TRY(put(FrameType::kRows, encode_row_count(waiting_), data_));
  data_.clear();
  waiting_ = 0;
  return {};
}

Status AnswerSender::put(FrameType type, ByteSpan fields, ByteSpan data) {
  Bytes frame = encode_frame(type, job_.sequence, job_.checksum, fields, data);
  const TimeUs begun_us = clock_.boottime_us();
  const AnswerStream::Outcome outcome = job_.stream->put(std::move(frame), patience_us_);
  sent_us_ = clock_.boottime_us();
  patience_us_ -= sent_us_ - begun_us;
  waited_us_ += sent_us_ - begun_us;
  switch (outcome) {
    case AnswerStream::Outcome::kTaken: return {};
    case AnswerStream::Outcome::kStopped: return fail(Code::kCancelled, "nobody wants the rest of the answer");
    case AnswerStream::Outcome::kNoRoom: break;
  }
  return fail(Code::kLimitExceeded,
              "the client reads too slowly: making the answer has waited for it as long as limits.answer_time allows");
}

}  // namespace tally
