// The stub API of main.ts for races, where nothing is refused and nothing fails: a third of the CPU, so that on two cores it isn't the stub
// that limits. Prints its port. `POST /__reset` with {"latencyMs": n} starts anew, `GET /__stats` tells what it saw. Lists are empty. Ends with
// its standard input. Linux, any C11 compiler, no library.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, READ_BYTES = 65536, MAX_SECONDS = 1 << 20, HEAD_BYTES = 512 };

struct connection {
  int fd;
  // Answers that still wait hold it, so that its memory isn't reused under them.
  int references;
  char *bytes;
  size_t length, capacity;
};

struct late {
  int64_t due;
  struct connection *connection;
  char *answer;
  size_t length;
  struct late *next;
};

struct request {
  const char *method, *target, *body;
  size_t method_length, target_length, body_length;
};

static int64_t latency_us;
static struct late *first_late, *last_late;
static uint64_t created, distinct, requests, lists, not_found, bad_requests, *seen, seen_capacity;
static uint32_t each_second[MAX_SECONDS];
static int64_t first_created_at;
static size_t seconds;
static struct rusage usage_before;

static void *checked(void *memory) {
  if (memory == NULL) {
    fputs("stub: out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

static int64_t microseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void reset(int64_t latency_ms) {
  latency_us = latency_ms * 1000;
  created = distinct = requests = lists = not_found = bad_requests = 0;
  seconds = 0;
  free(seen);
  seen_capacity = 1 << 16;
  seen = checked(calloc(seen_capacity, sizeof *seen));
  getrusage(RUSAGE_SELF, &usage_before);
}

// True if the hash wasn't there yet; 0 marks an empty slot.
static int put(uint64_t *slots, uint64_t capacity, uint64_t hash) {
  for (uint64_t at = hash & (capacity - 1);; at = (at + 1) & (capacity - 1)) {
    if (slots[at] == hash) return 0;
    if (slots[at] != 0) continue;
    slots[at] = hash;
    return 1;
  }
}

static void count_distinct(uint64_t hash) {
  distinct += put(seen, seen_capacity, hash == 0 ? 1 : hash);
  if (distinct * 2 < seen_capacity) return;
  uint64_t *larger = checked(calloc(seen_capacity * 2, sizeof *larger));
  for (uint64_t i = 0; i < seen_capacity; i++)
    if (seen[i] != 0) put(larger, seen_capacity * 2, seen[i]);
  free(seen);
  seen = larger;
  seen_capacity *= 2;
}

// FNV-1a.
static uint64_t hash_of(uint64_t hash, const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
  return hash;
}

static void count_created(const struct request *request) {
  created++;
  // What was mixed by a multiplication alone has weak low bits, by which the slot is found.
  uint64_t hash = hash_of(hash_of(0xcbf29ce484222325, request->target, request->target_length), request->body, request->body_length);
  count_distinct(hash ^ (hash >> 29));
  int64_t now = microseconds(CLOCK_MONOTONIC);
  if (seconds == 0) first_created_at = now;
  size_t second = (size_t)((now - first_created_at) / 1000000);
  if (second >= MAX_SECONDS) return;
  while (seconds <= second) each_second[seconds++] = 0;
  each_second[second]++;
}

static char *stats(size_t *length) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = 0;
  cpu += (double)(usage.ru_utime.tv_sec - usage_before.ru_utime.tv_sec + usage.ru_stime.tv_sec - usage_before.ru_stime.tv_sec);
  cpu += (double)(usage.ru_utime.tv_usec - usage_before.ru_utime.tv_usec + usage.ru_stime.tv_usec - usage_before.ru_stime.tv_usec) / 1e6;
  char *text;
  FILE *out = checked(open_memstream(&text, length));
  fprintf(out, "{\"created\":%lu,\"distinct\":%lu,\"duplicates\":%lu,\"requests\":%lu,\"lists\":%lu,", created, distinct, created - distinct,
          requests, lists);
  fprintf(out, "\"byStatus\":{\"200\":%lu,\"201\":%lu,\"400\":%lu,\"404\":%lu},\"createdEachSecond\":[", lists, created, bad_requests, not_found);
  for (size_t i = 0; i < seconds; i++) fprintf(out, i == 0 ? "%u" : ",%u", each_second[i]);
  fprintf(out, "],\"refusedEachSecond\":[],\"cpuSeconds\":%.3f}", cpu);
  fclose(out);
  return text;
}

static const char *http_date(void) {
  static char text[64];
  static time_t made_at;
  time_t now = time(NULL);
  if (now != made_at) {
    struct tm parts;
    made_at = now;
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
  }
  return text;
}

static const char *iso_date(void) {
  static char text[80];
  struct timespec now;
  struct tm parts;
  char seconds_of[32];
  clock_gettime(CLOCK_REALTIME, &now);
  strftime(seconds_of, sizeof seconds_of, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &parts));
  snprintf(text, sizeof text, "%s.%03ldZ", seconds_of, now.tv_nsec / 1000000);
  return text;
}

static char *answer(const char *status, const char *body, size_t body_length, size_t *length) {
  char *text = checked(malloc(HEAD_BYTES + body_length));
  int head = snprintf(text, HEAD_BYTES, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ndate: %s\r\ncontent-length: %zu\r\n\r\n", status,
                      http_date(), body_length);
  memcpy(text + head, body, body_length);
  *length = (size_t)head + body_length;
  return text;
}

static char *answer_with(const char *status, const char *body, size_t *length) { return answer(status, body, strlen(body), length); }

// The memory holds what the request's body has inside its braces.
static char *answer_create(const struct request *request, size_t *length) {
  if (request->body_length < 2 || request->body[0] != '{' || request->body[request->body_length - 1] != '}') {
    bad_requests++;
    return answer_with("400 Bad Request", "{\"status\":\"error\",\"message\":\"Expected a JSON object\",\"data\":[]}", length);
  }
  count_created(request);
  char *body = checked(malloc(request->body_length + HEAD_BYTES));
  int size = sprintf(body, "{\"status\":\"success\",\"data\":{\"id\":\"mem_%lu\",", created);
  memcpy(body + size, request->body + 1, request->body_length - 2);
  size += (int)request->body_length - 2;
  size += sprintf(body + size, ",\"status\":\"ACTUAL\",\"phoneNumber\":\"+15550100\",\"campaignId\":\"c1\",\"createdAt\":\"%s\"}}", iso_date());
  char *text = answer("201 Created", body, (size_t)size, length);
  free(body);
  return text;
}

static int is(const char *text, size_t length, const char *expected) { return length == strlen(expected) && memcmp(text, expected, length) == 0; }

static char *answer_admin(const struct request *request, size_t *length) {
  if (is(request->target, request->target_length, "/__reset")) {
    const char *latency = memmem(request->body, request->body_length, "\"latencyMs\":", 12);
    reset(latency == NULL ? 0 : strtol(latency + 12, NULL, 10));
  }
  size_t body_length;
  char *body = stats(&body_length);
  char *text = answer("200 OK", body, body_length, length);
  free(body);
  return text;
}

static char *reply(const struct request *request, size_t *length) {
  requests++;
  if (request->target_length < 9 || memcmp(request->target, "/contacts", 9) != 0) {
    not_found++;
    return answer_with("404 Not Found", "{\"status\":\"error\",\"message\":\"No such path\"}", length);
  }
  if (is(request->method, request->method_length, "POST")) return answer_create(request, length);
  lists++;
  return answer_with("200 OK", "{\"status\":\"success\",\"data\":[]}", length);
}

static void release(struct connection *connection) {
  if (--connection->references > 0) return;
  free(connection->bytes);
  free(connection);
}

static void close_connection(struct connection *connection) {
  close(connection->fd);
  connection->fd = -1;
  release(connection);
}

static void send_all(int fd, const char *bytes, size_t length) {
  while (fd >= 0 && length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes += sent;
      length -= (size_t)sent;
    } else if (errno == EAGAIN) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      poll(&wait, 1, 1000);
    } else if (errno != EINTR)
      return;
  }
}

static void serve(struct connection *connection, const struct request *request) {
  size_t length;
  int is_admin = request->target_length > 3 && memcmp(request->target, "/__", 3) == 0;
  char *text = is_admin ? answer_admin(request, &length) : reply(request, &length);
  if (is_admin || latency_us == 0) {
    send_all(connection->fd, text, length);
    free(text);
    return;
  }
  struct late *late = checked(malloc(sizeof *late));
  *late = (struct late){microseconds(CLOCK_MONOTONIC) + latency_us, connection, text, length, NULL};
  connection->references++;
  if (last_late == NULL) first_late = late;
  else last_late->next = late;
  last_late = late;
}

// Sends what is due; all wait equally long, so a queue does. How long the next one has to wait, in milliseconds; -1: there is none.
static int send_due(void) {
  while (first_late != NULL) {
    int64_t wait = first_late->due - microseconds(CLOCK_MONOTONIC);
    if (wait > 0) return (int)((wait + 999) / 1000);
    struct late *late = first_late;
    first_late = late->next;
    if (first_late == NULL) last_late = NULL;
    send_all(late->connection->fd, late->answer, late->length);
    release(late->connection);
    free(late->answer);
    free(late);
  }
  return -1;
}

static size_t content_length(const char *head, size_t length) {
  static const char name[] = "\ncontent-length:";
  for (const char *at = head; (at = memchr(at, '\n', (size_t)(head + length - at))) != NULL; at++) {
    if ((size_t)(head + length - at) > sizeof name && strncasecmp(at, name, sizeof name - 1) == 0)
      return strtoul(at + sizeof name - 1, NULL, 10);
  }
  return 0;
}

// The bytes of the first request, if it is whole; otherwise 0.
static size_t parse(const char *bytes, size_t length, struct request *request) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  size_t head = (size_t)(end - bytes) + 4;
  size_t body = content_length(bytes, head);
  if (length < head + body) return 0;
  const char *space = memchr(bytes, ' ', head);
  const char *target = space == NULL ? end : space + 1;
  const char *target_end = memchr(target, ' ', (size_t)(end + 4 - target));
  *request = (struct request){bytes, target, bytes + head, space == NULL ? 0 : (size_t)(space - bytes),
                              target_end == NULL ? 0 : (size_t)(target_end - target), body};
  return head + body;
}

static void receive(struct connection *connection) {
  if (connection->capacity - connection->length < READ_BYTES) {
    connection->capacity = connection->length + 2 * READ_BYTES;
    connection->bytes = checked(realloc(connection->bytes, connection->capacity));
  }
  // One byte less: numbers are read up to the end of the text.
  ssize_t got = recv(connection->fd, connection->bytes + connection->length, READ_BYTES - 1, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    close_connection(connection);
    return;
  }
  connection->length += (size_t)got;
  connection->bytes[connection->length] = '\0';
  size_t done = 0, taken;
  struct request request;
  while ((taken = parse(connection->bytes + done, connection->length - done, &request)) > 0) {
    serve(connection, &request);
    done += taken;
  }
  connection->length -= done;
  memmove(connection->bytes, connection->bytes + done, connection->length);
}

static void accept_all(int listener, int epoll) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct connection *connection = checked(calloc(1, sizeof *connection));
    connection->fd = fd;
    connection->references = 1;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = connection});
  }
}

int main(void) {
  static char listening, input;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1024) != 0) {
    perror("stub");
    return 1;
  }
  getsockname(listener, (struct sockaddr *)&address, &size);
  reset(0);
  int epoll = epoll_create1(0);
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &listening});
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &input});
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, send_due());
    for (int i = 0; i < count; i++) {
      void *who = events[i].data.ptr;
      if (who == &input) return 0;
      if (who == &listening) accept_all(listener, epoll);
      else receive(who);
    }
  }
}
