#include "services/chat/store/migrations.hpp"

namespace p2p::chat {
namespace {

/// Objects of users who asked for deletion.
constexpr const char* kErasures = "CREATE TABLE erasures (key TEXT PRIMARY KEY); CREATE INDEX requests_person ON requests (person);";

}  // namespace

const std::array<const char*, 4> kMigrations{
    R"(
CREATE TABLE updates (id BIGINT PRIMARY KEY);
CREATE TABLE requests (id TEXT PRIMARY KEY, chat BIGINT NOT NULL, accepted BIGINT NOT NULL, ended BIGINT NOT NULL,
  settled INTEGER NOT NULL, link_until BIGINT NOT NULL, body TEXT NOT NULL);
CREATE INDEX requests_unsettled ON requests (accepted) WHERE settled = 0;
CREATE INDEX requests_links ON requests (link_until) WHERE link_until > 0;
CREATE TABLE letters (number BIGINT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE replies (number BIGINT PRIMARY KEY, chat BIGINT NOT NULL, body TEXT NOT NULL);
CREATE TABLE offsets (topic TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL, PRIMARY KEY (topic, part));
CREATE TABLE user_days (person BIGINT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (person, day));
)",

    R"(
CREATE TABLE logs (topic TEXT PRIMARY KEY, log TEXT NOT NULL);
)",

    // A column for each field in place of one JSON text. Fields that came later are missing in rows of the first version, whose status 1
    // was "sent to a worker", with `started` beside it.
    R"(
ALTER TABLE requests RENAME TO old_requests;
DROP INDEX requests_unsettled;
DROP INDEX requests_links;
CREATE TABLE requests (
  id TEXT PRIMARY KEY, person BIGINT NOT NULL, chat BIGINT NOT NULL, in_group INTEGER NOT NULL, thread BIGINT,
  asked_in BIGINT NOT NULL, language TEXT NOT NULL,
  model TEXT NOT NULL, prompt TEXT NOT NULL, seed BIGINT NOT NULL, variations TEXT NOT NULL, upscale DOUBLE NOT NULL,
  accepted BIGINT NOT NULL, traceparent TEXT NOT NULL,
  status TEXT NOT NULL, cancelling INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, ended BIGINT NOT NULL,
  image_key TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, bytes BIGINT NOT NULL, seconds DOUBLE NOT NULL,
  used TEXT NOT NULL, offers TEXT NOT NULL,
  message BIGINT NOT NULL, messages_lost INTEGER NOT NULL, answered INTEGER NOT NULL, form TEXT NOT NULL,
  link_refused INTEGER NOT NULL, link_until BIGINT, original BIGINT NOT NULL, original_shown INTEGER NOT NULL,
  original_refused TEXT NOT NULL, bell_rung INTEGER NOT NULL, settled INTEGER NOT NULL);
INSERT INTO requests SELECT
  id, COALESCE(json_extract(body, '$.user'), chat), chat, COALESCE(json_extract(body, '$.in_group'), 0), json_extract(body, '$.thread'),
  COALESCE(json_extract(body, '$.asked_in'), 0),
  CASE json_extract(body, '$.language') WHEN 1 THEN 'ru' ELSE 'en' END,
  COALESCE(json_extract(body, '$.model'), ''), COALESCE(json_extract(body, '$.prompt'), ''), COALESCE(json_extract(body, '$.seed'), 0),
  COALESCE(json_extract(body, '$.variations'), '[]'), COALESCE(json_extract(body, '$.upscale'), 0),
  accepted, COALESCE(json_extract(body, '$.traceparent'), ''),
  CASE json_extract(body, '$.status') WHEN 1 THEN CASE json_extract(body, '$.started') WHEN 0 THEN 'queued' ELSE 'drawing' END WHEN 2 THEN 'finished' WHEN 3 THEN 'failed' WHEN 4 THEN 'cancelled'
    ELSE 'queued' END,
  COALESCE(json_extract(body, '$.cancelling'), 0), COALESCE(json_extract(body, '$.reason'), ''),
  COALESCE(json_extract(body, '$.detail'), ''), ended,
  COALESCE(json_extract(body, '$.image_key'), ''), COALESCE(json_extract(body, '$.width'), 0),
  COALESCE(json_extract(body, '$.height'), 0), COALESCE(json_extract(body, '$.bytes'), 0),
  COALESCE(json_extract(body, '$.seconds'), 0), COALESCE(json_extract(body, '$.used'), '{}'),
  COALESCE(json_extract(body, '$.offers'), '[]'),
  COALESCE(json_extract(body, '$.message'), 0), COALESCE(json_extract(body, '$.messages_lost'), 0),
  COALESCE(json_extract(body, '$.answered'), 0),
  CASE json_extract(body, '$.form') WHEN 1 THEN 'document' WHEN 2 THEN 'text' WHEN 3 THEN 'plain' ELSE 'photo' END,
  COALESCE(json_extract(body, '$.link_refused'), 0), NULLIF(link_until, 0), COALESCE(json_extract(body, '$.original'), 0),
  COALESCE(json_extract(body, '$.original_shown'), 0), COALESCE(json_extract(body, '$.original_refused'), ''),
  COALESCE(json_extract(body, '$.bell_rung'), 0), settled
  FROM old_requests;
DROP TABLE old_requests;
CREATE INDEX requests_unsettled ON requests (accepted) WHERE settled = 0;
CREATE INDEX requests_links ON requests (link_until) WHERE link_until IS NOT NULL;
CREATE TABLE outbox (number BIGINT PRIMARY KEY, topic TEXT NOT NULL, part INTEGER, key TEXT NOT NULL, value TEXT NOT NULL,
  headers TEXT NOT NULL);
INSERT INTO outbox SELECT number, json_extract(body, '$.topic'), json_extract(body, '$.partition'), json_extract(body, '$.key'),
  json_extract(body, '$.value'), json_extract(body, '$.headers') FROM letters;
DROP TABLE letters;
ALTER TABLE replies RENAME TO old_replies;
CREATE TABLE replies (number BIGINT PRIMARY KEY, chat BIGINT NOT NULL, in_group INTEGER NOT NULL, thread BIGINT,
  reply_to BIGINT NOT NULL, text TEXT NOT NULL);
INSERT INTO replies SELECT number, chat, json_extract(body, '$.in_group'), json_extract(body, '$.thread'),
  json_extract(body, '$.reply_to'), json_extract(body, '$.text') FROM old_replies;
DROP TABLE old_replies;
)",

    kErasures,
};

const std::array<const char*, 2> kPostgresMigrations{
    R"(
CREATE TABLE updates (id BIGINT PRIMARY KEY);
CREATE TABLE requests (
  id TEXT PRIMARY KEY, person BIGINT NOT NULL, chat BIGINT NOT NULL, in_group INTEGER NOT NULL, thread BIGINT,
  asked_in BIGINT NOT NULL, language TEXT NOT NULL,
  model TEXT NOT NULL, prompt TEXT NOT NULL, seed BIGINT NOT NULL, variations TEXT NOT NULL, upscale DOUBLE PRECISION NOT NULL,
  accepted BIGINT NOT NULL, traceparent TEXT NOT NULL,
  status TEXT NOT NULL, cancelling INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, ended BIGINT NOT NULL,
  image_key TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, bytes BIGINT NOT NULL,
  seconds DOUBLE PRECISION NOT NULL, used TEXT NOT NULL, offers TEXT NOT NULL,
  message BIGINT NOT NULL, messages_lost INTEGER NOT NULL, answered INTEGER NOT NULL, form TEXT NOT NULL,
  link_refused INTEGER NOT NULL, link_until BIGINT, original BIGINT NOT NULL, original_shown INTEGER NOT NULL,
  original_refused TEXT NOT NULL, bell_rung INTEGER NOT NULL, settled INTEGER NOT NULL);
CREATE INDEX requests_unsettled ON requests (accepted) WHERE settled = 0;
CREATE INDEX requests_links ON requests (link_until) WHERE link_until IS NOT NULL;
CREATE TABLE outbox (number BIGINT PRIMARY KEY, topic TEXT NOT NULL, part INTEGER, key TEXT NOT NULL, value TEXT NOT NULL,
  headers TEXT NOT NULL);
CREATE TABLE replies (number BIGINT PRIMARY KEY, chat BIGINT NOT NULL, in_group INTEGER NOT NULL, thread BIGINT,
  reply_to BIGINT NOT NULL, text TEXT NOT NULL);
CREATE TABLE offsets (topic TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL, PRIMARY KEY (topic, part));
CREATE TABLE logs (topic TEXT PRIMARY KEY, log TEXT NOT NULL);
CREATE TABLE user_days (person BIGINT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (person, day));
)",

    kErasures,
};

}  // namespace p2p::chat
