#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "base/sentence.hpp"

namespace p2p {

/// Ends a job. The text is for the person who can fix it: what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Wrong command line, request or configuration. The program exits with 2.
class UsageError : public Error {
 public:
  explicit UsageError(Sentence sentence) : Error(sentence.text), sentence_(std::move(sentence)) {}
  /// what() with what is needed to say it in another language.
  const Sentence& sentence() const { return sentence_; }

 private:
  Sentence sentence_;
};

/// A model folder that cannot be used: names the file, the tensor or key, what was expected and what was found.
class ModelError : public Error {
 public:
  using Error::Error;
};

/// The job stopped on request.
class Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
};

}  // namespace p2p
