// Faults planted on purpose, to prove that the simulator finds what it is there to find (docs/reliability.md). They exist
// only in the program posthorn_planted, which is built beside posthorn from the same sources with POSTHORN_PLANTED_FAULTS;
// everywhere else planted() is a constant false and nothing of them is in the code. At most one is active in a run.
#pragma once

#include <cstdint>

namespace posthorn {

enum class PlantedFault : std::uint8_t {
  none,
  spool_sync_left_out,
  spool_write_error_ignored,
  spool_sync_error_ignored,
  spool_sync_tried_again,
  spool_outcome_not_written,
  spool_settlement_left_out,
  spool_id_given_twice,
  spool_live_segment_reused,
  spool_abandoned_message_kept,
  body_sync_left_out,
  body_name_sync_left_out,
  body_removed_too_early,
  body_piece_lost,
  recovery_drops_last_batch,
  recovery_ignores_outcomes,
  recovery_skips_a_segment,
  compaction_loses_messages,
  compaction_loses_outcomes,
  intake_failed_commit_accepted,
  intake_bare_line_feed_accepted,
  intake_hop_limit_ignored,
  intake_size_limit_ignored,
  intake_last_recipient_dropped,
  intake_acknowledged_twice,
  gate_open_relay,
  gate_unknown_user_accepted,
  data_dots_not_undone,
  session_reset_keeps_recipients,
  session_shutdown_ignored,
  queue_outcome_not_recorded,
  queue_wake_up_lost,
  queue_tries_again_at_once,
  queue_expires_by_the_calendar,
  queue_gives_up_too_early,
  queue_forgets_what_waited,
  queue_tries_first_recipient_only,
  queue_window_ignored,
  remote_sends_after_success,
  remote_lost_answer_is_success,
  remote_outcomes_mixed_up,
  remote_refused_recipient_asked_again,
  client_dots_not_doubled,
  client_soft_refusal_is_final,
  client_doubt_not_counted,
  local_file_sync_left_out,
  local_folder_sync_left_out,
  local_publish_error_ignored,
  local_repeat_gets_a_new_name,
  local_repeat_in_cur_overlooked,
  report_left_out,
  report_sent_twice,
  report_although_never_wanted,
  report_has_a_sender,
  report_of_delay_repeated,
  submission_without_login,
  submission_foreign_author_accepted,
  submission_bcc_kept,
  queue_unread_left_out,
  queue_end_of_report_lost,
  operator_change_not_recorded,
  operator_overruled_by_attempt,
  resolver_failure_is_final,
  spool_checksum_ignored,
  spool_made_anew_when_away,
};

#ifdef POSTHORN_PLANTED_FAULTS
inline namespace with_planted_faults {
[[nodiscard]] bool planted(PlantedFault fault);
}
#else
inline namespace without_planted_faults {
[[nodiscard]] constexpr bool planted(PlantedFault /*fault*/) { return false; }
}  // namespace without_planted_faults
#endif

}  // namespace posthorn
