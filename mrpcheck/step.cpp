// A trial's gradient and its descent, fused: activations live in cache a block of samples at a time,
// nothing is allocated from step to step, and one thread does one trial from first to last.
//
// Every product is a register tile that broadcasts one operand and loads vectors of the other; the
// loops over rows and their order depend on the shapes alone, so a trial's bits depend on nothing else.
// C ABI, no torch and no Python: `mrpcheck.native` loads it by ctypes. Formulas: `objectives/*.py`.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#ifdef __AVX__
#include <immintrin.h>
#endif

#ifndef SOURCE
#define SOURCE ""  // a digest of this file, so that what was built from another is not taken for it
#endif
#ifndef VECTOR_BYTES
#define VECTOR_BYTES 16
#endif
#if defined(__AVX512VL__) || defined(__aarch64__)
#define TALL 6  // rows of a tile, and vectors of its columns: 24 accumulators of 32 registers
#define WIDE 4
#else
#define TALL 4  // 12 of 16
#define WIDE 3
#endif
#define INLINE __attribute__((always_inline)) inline

namespace {

typedef int64_t Int;
constexpr Int ROWS = 128;  // of a block of samples, about

struct Problem {  // as `native.Problem`; pointers hold floats or doubles
    Int samples, patches, dim, stride, kernels, classes, features;
    Int objective, context, other_teacher, free_decoder, train_head;
    double power, threshold, keep, teacher_scale, momentum;
    const void *x, *mask;  // (sample, patch, stride), (sample, patch) or none
    const Int *label;      // (sample)
    void *kernels_, *second;  // (kernel, dim); decoder or teacher (kernel, dim), or head (class, kernel)
    void *to_kernels, *to_second;
};
enum Objective { LATENTS, PIXELS, CLASSES, PROBE };
enum Context { PATCH, POOLED, OTHERS };

Int up(Int n, Int to) { return (n + to - 1) / to * to; }

template <class T> struct Lanes {
    typedef T V __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
    static constexpr Int N = VECTOR_BYTES / sizeof(T);
};
#if VECTOR_BYTES == 32 && defined(__AVX__)  // one instruction each; from `?:` the compiler makes two
INLINE __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
INLINE __m256 smaller(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
INLINE __m256d larger(__m256d a, __m256d b) { return _mm256_max_pd(a, b); }
INLINE __m256d smaller(__m256d a, __m256d b) { return _mm256_min_pd(a, b); }
#else
template <class V> INLINE V larger(V a, V b) { return a > b ? a : b; }
template <class V> INLINE V smaller(V a, V b) { return a < b ? a : b; }
#endif
template <class V> INLINE double total(V v) {
    double sum = 0;
    for (size_t i = 0; i < sizeof(V) / sizeof(v[0]); i++) sum += v[i];
    return sum;
}

enum Then { STORE, ADD, TIMES };

// out[i, j] (=, +=, *=) sum_k a[i * ai + k * ak] b[k * bk + j], for M rows and W vectors of columns.
template <class T, int M, int W>
INLINE void tile(const T *a, Int ai, Int ak, const T *b, Int bk, Int depth, T *out, Int oi, Then then) {
    typedef typename Lanes<T>::V V;
    constexpr Int L = Lanes<T>::N;
    V sum[M][W] = {};
    for (Int k = 0; k < depth; k++, a += ak, b += bk) {
        V row[W];
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) row[w] = *(const V *)(b + w * L);
#pragma GCC unroll 8
        for (int i = 0; i < M; i++)
#pragma GCC unroll 4
            for (int w = 0; w < W; w++) sum[i][w] += a[i * ai] * row[w];
    }
#pragma GCC unroll 8
    for (int i = 0; i < M; i++)
#pragma GCC unroll 4
        for (int w = 0; w < W; w++) {
            V *to = (V *)(out + i * oi + w * L);
            *to = then == STORE ? sum[i][w] : then == ADD ? *to + sum[i][w] : *to * sum[i][w];
        }
}

template <class T, int W>
void tall(Int m, const T *a, Int ai, Int ak, const T *b, Int bk, Int depth, T *out, Int oi, Then then) {
#define CASE(M) case M: return tile<T, M, W>(a, ai, ak, b, bk, depth, out, oi, then)
    switch (m) {
        CASE(1); CASE(2); CASE(3); CASE(4);
#if TALL > 4
        CASE(5); CASE(6);
#endif
    }
#undef CASE
}

// The product of tiles over `rows` and `columns` (whole vectors); b is a matrix whose rows lie
// `bk` apart, or was `packed`. Meanwhile `count` values from `next` on are fetched into the cache.
template <class T>
void product(Int rows, Int columns, Int depth, const T *a, Int ai, Int ak, const T *b, Int bk, bool packed,
             T *out, Int oi, Then then, const T *next = nullptr, Int count = 0) {
    constexpr Int L = Lanes<T>::N, LINE = 64 / sizeof(T);
    Int vectors = columns / L, panels = (vectors + WIDE - 1) / WIDE, groups = (rows + TALL - 1) / TALL;
    Int ahead = up(count / std::max<Int>(1, panels * groups) + 1, LINE), fewest = rows / groups, larger = rows % groups;
    for (Int p = 0; p < panels; p++) {
        Int from = vectors * p / panels, w = vectors * (p + 1) / panels - from;
        const T *panel = packed ? b + from * L * depth : b + from * L;
        Int step = packed ? w * L : bk;
        auto go = w == 1 ? tall<T, 1> : w == 2 ? tall<T, 2> : w == 3 ? tall<T, 3> : tall<T, WIDE>;
        const T *top = a;
        T *to = out + from * L;
        for (Int g = 0; g < groups; g++) {
            Int m = fewest + (g < larger);
            for (const T *end = std::min(next + ahead, next + count); next < end; next += LINE, count -= LINE)
                __builtin_prefetch(next, 0, 2);
            go(m, top, ai, ak, panel, step, depth, to, oi, then);
            top += m * ai, to += m * oi;
        }
    }
}

// The transpose of `from` (column, depth), panel by panel as `product` reads it; zeros fill the last vector.
template <class T> void pack(const T *from, Int columns, Int depth, T *to) {
    constexpr Int L = Lanes<T>::N;
    Int vectors = (columns + L - 1) / L, panels = (vectors + WIDE - 1) / WIDE;
    for (Int p = 0; p < panels; p++) {
        Int first = vectors * p / panels * L, width = vectors * (p + 1) / panels * L - first;
        T *panel = to + first * depth;
        for (Int c = 0; c < width; c++)
            for (Int k = 0; k < depth; k++)
                panel[k * width + c] = first + c < columns ? from[(first + c) * depth + k] : T(0);
    }
}

template <class T> void pad(const T *from, Int rows, Int width, Int stride, T *to) {
    for (Int i = 0; i < rows; i++) {
        std::copy(from + i * width, from + (i + 1) * width, to + i * stride);
        std::fill(to + i * stride + width, to + (i + 1) * stride, T(0));
    }
}

// act and act' of the smoothed ReLU; Q is the power where it is a small whole number, else 0.
template <class T, int Q> struct Activation {
    typedef typename Lanes<T>::V V;
    T r, less, scale, slope_scale;
    Activation(double q, double r_)
        : r(T(r_)), less(T(q - 1)), scale(T(std::pow(r_, 1 - q) / q)), slope_scale(T(std::pow(r_, 1 - q))) {}
    INLINE V power(V u) const {
        if (Q == 2) return u;
        if (Q == 3) return u * u;
        if (Q == 4) return u * u * u;
        if (Q == 5) return (u * u) * (u * u);
        V out;
        for (Int i = 0; i < Lanes<T>::N; i++) out[i] = std::pow(u[i], less);
        return out;
    }
    INLINE V operator()(V z, V &slope) const {
        V zero = {}, one = zero + 1;
        if (Q == 1) {
            slope = z > zero ? one : zero;
            return larger(z, zero);
        }
        V u = smaller(larger(z, zero), zero + r), p = power(u);
        slope = p * slope_scale;
        return larger(z - r, zero) + u * p * scale;
    }
};

// One column of a sample: the derivative of the masked loss by what its patches predict, in place of it.
template <class T> struct Column {
    typedef typename Lanes<T>::V V;
    Int patches, context;
    double keep;
    const T *mask;  // of the sample's patches, or none
    bool with_loss;
    double loss = 0;

    INLINE void operator()(V *predicted, const V *target, V missing) {
        if (mask) return one_mask(predicted, target);
        T c = T((1 - keep) / keep);
        V squares = {}, errors = {}, sum = {};
        if (context == OTHERS) {
            T spread = c * T(patches - 1), weight = T(1 - keep);
            V all = {};
            for (Int p = 0; p < patches; p++) sum += predicted[p];
            for (Int p = 0; p < patches; p++) all += sum - predicted[p] - target[p];
            for (Int p = 0; p < patches; p++) {
                V error = sum - predicted[p] - target[p];
                errors += error * error, squares += predicted[p] * predicted[p];
                predicted[p] = weight * (all - error + spread * predicted[p]);
            }
            if (with_loss) loss += 0.5 * weight * (total(errors) + spread * total(squares));
            return;
        }
        for (Int p = 0; p < patches; p++) {
            V error = context == POOLED ? missing : predicted[p] - target[p];
            if (with_loss) {
                squares += predicted[p] * predicted[p];
                if (context == PATCH) errors += error * error;
            }
            predicted[p] = error + c * predicted[p];
        }
        if (context == POOLED) errors = missing * missing;
        if (with_loss) loss += 0.5 * (total(errors) + c * total(squares));
    }

    void one_mask(V *predicted, const V *target) {
        V errors = {}, seen = {}, all = {};
        T scale = T(1 / keep);
        for (Int p = 0; p < patches; p++) seen += predicted[p] * (mask[p] * scale);
        if (context == POOLED)
            for (Int p = 0; p < patches; p++) all += target[p];
        V pooled = seen - all;
        if (context == OTHERS)
            for (Int p = 0; p < patches; p++)
                all += (seen - predicted[p] * (mask[p] * scale) - target[p]) * (1 - mask[p]);
        for (Int p = 0; p < patches; p++) {
            T weight = mask[p] * scale;
            V own = predicted[p] * weight, error = pooled;
            if (context == PATCH) error = own - target[p];
            if (context == OTHERS) error = (seen - own - target[p]) * (1 - mask[p]);
            if (context != POOLED) errors += error * error;
            predicted[p] = (context == OTHERS ? all - error : error) * weight;
        }
        if (context == POOLED) errors = pooled * pooled;
        if (with_loss) loss += 0.5 * total(errors);
    }
};

// Cross-entropy of `rows` samples: scores become their derivative, (row, stride); zeros beyond the classes.
template <class T> double softmax(T *scores, const Int *label, Int rows, Int classes, Int stride, bool with_loss) {
    double loss = 0;
    for (Int n = 0; n < rows; n++, scores += stride) {
        T top = *std::max_element(scores, scores + classes), sum = 0;
        T chosen = scores[label[n]] - top;
        for (Int c = 0; c < classes; c++) sum += scores[c] = std::exp(scores[c] - top);
        if (with_loss) loss += std::log(double(sum)) - chosen;
        for (Int c = 0; c < classes; c++) scores[c] /= sum;
        scores[label[n]] -= 1;
    }
    return loss;
}

// The trial at work: its problem, and a workspace that its thread keeps from trial to trial.
template <class T, int Q> struct Trial {
    typedef typename Lanes<T>::V V;
    static constexpr Int L = Lanes<T>::N;
    const Problem &at;
    Activation<T, Q> act;
    Int P, d, R, K, ld, lr, lk, block;
    const T *x, *mask;
    T *w, *second;
    T *packed, *packed2, *padded, *to, *to2, *z, *slope, *e, *h, *scores, *back, *headT;
    V *column;

    Trial(const Problem &p)
        : at(p), act(p.power, p.threshold), P(p.patches), d(p.dim), R(p.kernels), K(p.classes), ld(p.stride),
          lr(up(p.kernels, L)), lk(up(p.classes, L)), block(std::max<Int>(1, ROWS / p.patches)),
          x((const T *)p.x), mask((const T *)p.mask), w((T *)p.kernels_), second((T *)p.second) {
        Int rows = block * P, wide = std::max(ld, lr);
        Int sizes[] = {lr * d, std::max(lr * d, lr * lk), std::max(R * ld, K * lr), R * ld, std::max(R * ld, K * wide),
                       rows * lr, rows * lr, rows * ld, block * lr, block * lk, block * lr, lk * wide, 4 * P * L};
        T **parts[] = {&packed, &packed2, &padded, &to, &to2, &z, &slope, &e, &h, &scores, &back, &headT, (T **)&column};
        Int all = 0;
        for (Int size : sizes) all += up(size, 16);
        static thread_local std::unique_ptr<T[]> room;
        static thread_local Int held = 0;
        if (held < all) room.reset(new T[all + 16]), held = all;
        T *next = (T *)up((Int)room.get(), 64);
        for (size_t i = 0; i < sizeof(sizes) / sizeof(Int); i++) *parts[i] = next, next += up(sizes[i], 16);
    }

    // The loss summed over samples; gradients, summed too, into `to` (kernel, ld) and `to2`.
    double gradient(bool with_loss) {
        double loss = 0;
        std::fill(to, to + R * ld, T(0));
        std::fill(to2, to2 + (at.objective == PIXELS ? R * ld : at.objective < CLASSES ? 0 : K * std::max(ld, lr)), T(0));
        if (at.objective != PROBE) pack(w, R, d, packed);
        if (at.objective == LATENTS && at.other_teacher) pack(second, R, d, packed2);
        if (at.objective == PIXELS) {
            const T *decoder = at.free_decoder ? second : w;
            if (at.free_decoder) pack(second, R, d, packed2);
            pad(decoder, R, d, ld, padded);
        }
        if (at.objective >= CLASSES) {
            pack(second, K, R, packed2);
            if (at.objective == CLASSES) pad(second, K, R, lr, padded);
        }
        for (Int first = 0; first < at.samples; first += block) {
            Int n = std::min(block, at.samples - first);
            const T *xs = x + first * P * ld, *ms = mask ? mask + first * P : nullptr;
            if (at.objective == LATENTS) loss += latents(xs, ms, n, with_loss);
            if (at.objective == PIXELS) loss += pixels(xs, ms, n, with_loss);
            if (at.objective == CLASSES) loss += classes(xs, at.label + first, n, with_loss);
            if (at.objective == PROBE) loss += head(xs, ld, at.label + first, n, with_loss);
        }
        return loss;
    }

    void forward(const T *xs, Int n, const T *kernels, T *out) {
        Int left = std::min(block * P * ld, (const T *)at.x + at.samples * P * ld - xs - n * P * ld);
        product<T>(n * P, lr, d, xs, ld, 1, kernels, 0, true, out, lr, STORE, xs + n * P * ld, left);
    }
    void backward(const T *c, Int lc, Int count, const T *xs, Int lx, Int width, Int rows, T *out, Int lo) {
        product<T>(count, up(width, L), rows, c, 1, lc, xs, lx, false, out, lo, ADD);
    }

    double latents(const T *xs, const T *ms, Int n, bool with_loss) {
        const auto act = this->act;  // locals, since a store through a vector might reach a member
        const Int P = this->P, lr = this->lr;
        forward(xs, n, packed, z);
        if (at.other_teacher) forward(xs, n, packed2, slope);
        Column<T> error{P, at.context, at.keep, nullptr, with_loss};
        bool pooled = at.context == POOLED && !ms, own = !at.other_teacher;
        V *predicted = column, *target = column + P, *slopes = column + 2 * P, unused;
        T tau = T(at.teacher_scale);
        for (Int s = 0; s < n; s++) {
            error.mask = ms ? ms + s * P : nullptr;
            for (Int j = 0; j < lr; j += L) {
                T *zs = z + s * P * lr + j, *ts = own ? zs : slope + s * P * lr + j;
                V missing = {};
                for (Int p = 0; p < P; p++) {
                    V a = act(*(V *)(zs + p * lr), slopes[p]), t = act(*(V *)(ts + p * lr) * tau, unused);
                    predicted[p] = a;
                    if (pooled) missing += a - t;
                    else target[p] = t;
                }
                error(predicted, target, missing);
                for (Int p = 0; p < P; p++) *(V *)(zs + p * lr) = slopes[p] * predicted[p];
            }
        }
        backward(z, lr, R, xs, ld, d, n * P, to, ld);
        return error.loss;
    }

    double pixels(const T *xs, const T *ms, Int n, bool with_loss) {
        const auto act = this->act;
        const Int P = this->P, lr = this->lr, ld = this->ld;
        Int rows = n * P;
        forward(xs, n, packed, z);
        T *const z = this->z, *const slope = this->slope, *const e = this->e;
        for (Int i = 0; i < rows * lr; i += L) {
            V rise;
            *(V *)(z + i) = act(*(V *)(z + i), rise);
            *(V *)(slope + i) = rise;
        }
        product<T>(rows, up(d, L), R, z, lr, 1, padded, ld, false, e, ld, STORE);
        Column<T> error{P, at.context, at.keep, nullptr, with_loss};
        V *predicted = column, *target = column + P;
        bool plain = at.context == PATCH && !ms;  // what most trainings are made of
        const T whole = T(1 / at.keep), spread = T((1 - at.keep) / at.keep);
        V losses = {};
        for (Int row = 0; plain && row < rows; row++)
            for (Int i = row * ld; i < row * ld + d; i += L) {
                V seen = *(V *)(e + i), goal = *(const V *)(xs + i);
                if (with_loss) losses += (seen - goal) * (seen - goal) + spread * (seen * seen);
                *(V *)(e + i) = seen * whole - goal;
            }
        error.loss += 0.5 * total(losses);
        for (Int s = 0; s < n && !plain; s++) {
            error.mask = ms ? ms + s * P : nullptr;
            for (Int j = 0; j < d; j += L) {
                T *es = e + s * P * ld + j;
                const T *goal = xs + s * P * ld + j;
                V missing = {};
                for (Int p = 0; p < P; p++) {
                    predicted[p] = *(V *)(es + p * ld), target[p] = *(const V *)(goal + p * ld);
                    missing += predicted[p] - target[p];
                }
                error(predicted, target, missing);
                for (Int p = 0; p < P; p++) *(V *)(es + p * ld) = predicted[p];
            }
        }
        product<T>(rows, lr, d, e, ld, 1, at.free_decoder ? packed2 : packed, 0, true, slope, lr, TIMES);
        backward(slope, lr, R, xs, ld, d, rows, to, ld);
        backward(z, lr, R, e, ld, d, rows, at.free_decoder ? to2 : to, ld);
        return error.loss;
    }

    double classes(const T *xs, const Int *label, Int n, bool with_loss) {
        const auto act = this->act;
        const Int P = this->P, lr = this->lr;
        T *const z = this->z, *const back = this->back;
        forward(xs, n, packed, z);
        for (Int s = 0; s < n; s++)
            for (Int j = 0; j < lr; j += L) {
                T *zs = z + s * P * lr + j;
                V sum = {}, rise;
                for (Int p = 0; p < P; p++) {
                    sum += act(*(V *)(zs + p * lr), rise);
                    *(V *)(zs + p * lr) = rise;
                }
                *(V *)(h + s * lr + j) = sum;
            }
        double loss = head(h, lr, label, n, with_loss);
        product<T>(n, lr, K, scores, lk, 1, padded, lr, false, back, lr, STORE);
        for (Int s = 0; s < n; s++)
            for (Int j = 0; j < lr; j += L) {
                V push = *(V *)(back + s * lr + j);
                T *zs = z + s * P * lr + j;
                for (Int p = 0; p < P; p++) *(V *)(zs + p * lr) *= push;
            }
        backward(z, lr, R, xs, ld, d, n * P, to, ld);
        return loss;
    }

    // Scores of h (sample, lh) under the head, their derivative, and the head's gradient.
    double head(const T *hs, Int lh, const Int *label, Int n, bool with_loss) {
        product<T>(n, lk, R, hs, lh, 1, packed2, 0, true, scores, lk, STORE);
        double loss = softmax(scores, label, n, K, lk, with_loss);
        if (at.train_head) backward(scores, lk, K, hs, lh, R, n, to2, lh);
        return loss;
    }

    Int second_rows() const { return at.objective < CLASSES ? R : K; }
    Int second_width() const { return at.objective < CLASSES ? d : R; }
    bool trains_kernels() const { return at.objective != PROBE; }
    bool trains_second() const {
        return at.objective < CLASSES ? at.objective == PIXELS && at.free_decoder : at.train_head != 0;
    }
    Int second_stride() const { return at.objective == CLASSES ? lr : ld; }

    void write() const {
        T scale = T(at.samples);
        if (at.to_kernels && trains_kernels())
            for (Int i = 0; i < R * d; i++) ((T *)at.to_kernels)[i] = to[i / d * ld + i % d] / scale;
        Int width = second_width();
        if (at.to_second && trains_second())
            for (Int i = 0; i < second_rows() * width; i++)
                ((T *)at.to_second)[i] = to2[i / width * second_stride() + i % width] / scale;
    }

    void step(T rate) {
        T scale = T(at.samples);
        if (trains_kernels())
            for (Int i = 0; i < R; i++)
                for (Int j = 0; j < d; j++) w[i * d + j] -= rate * (to[i * ld + j] / scale);
        Int rows = second_rows(), width = second_width();
        if (trains_second())
            for (Int i = 0; i < rows; i++)
                for (Int j = 0; j < width; j++)
                    second[i * width + j] -= rate * (to2[i * second_stride() + j] / scale);
        if (at.objective == LATENTS && at.other_teacher && at.momentum < 1)
            for (Int i = 0; i < R * d; i++) second[i] += T(1 - at.momentum) * (w[i] - second[i]);
    }

    bool sane(double bound) const {
        auto within = [bound](T value) { return std::abs(value) <= T(bound); };  // NaN is not
        return (!trains_kernels() || std::all_of(w, w + R * d, within)) &&
               (!second || std::all_of(second, second + second_rows() * second_width(), within));
    }
};

enum Event { NONE, ALL, FIRST, PLATEAU };  // every feature captured, the first one, the loss is flat
struct Until {  // as `native.Until`
    Int event;
    const void *features;  // (feature, dim)
    double fall;
    Int over;
    double *losses;  // room for a loss a step, for the plateau
    double diverged;
};

template <class T> bool captured(const Problem &p, const Until &until) {
    const T *w = (const T *)p.kernels_, *v = (const T *)until.features;
    for (Int f = 0; f < p.features; f++) {
        bool any = false;
        for (Int r = 0; r < p.kernels && !any; r++) {
            T sum = 0;
            for (Int j = 0; j < p.dim; j++) sum += w[r * p.dim + j] * v[f * p.dim + j];
            any = sum >= T(p.threshold);
        }
        if (any == (until.event == FIRST)) return any;
    }
    return until.event == ALL;
}

bool flat(const Until &until, Int count) {
    if (count < 2 * until.over) return false;
    double recent = 0, before = 0;
    for (Int i = 0; i < until.over; i++) {
        recent += until.losses[count - 1 - i];
        before += until.losses[count - 1 - until.over - i];
    }
    return before - recent < until.fall * std::abs(before);
}

// Steps taken, negative where the trial diverged at the last of them; `reached` says whether the event did happen.
template <class T, int Q> Int run(const Problem &p, double rate, Int steps, const Until &until, Int *reached) {
    Trial<T, Q> trial(p);
    for (Int taken = 1; taken <= steps; taken++) {
        double loss = trial.gradient(until.event == PLATEAU);
        trial.step(T(rate));
        if (!trial.sane(until.diverged)) return -taken;
        if (until.event == PLATEAU) until.losses[taken - 1] = loss / p.samples;
        bool here = until.event == PLATEAU ? flat(until, taken) : until.event && captured<T>(p, until);
        if (here) {
            *reached = 1;
            return taken;
        }
    }
    return steps;
}

template <class T, int Q> double gradient(const Problem &p, bool with_loss) {
    Trial<T, Q> trial(p);
    double loss = trial.gradient(with_loss);
    trial.write();
    return loss / p.samples;
}

#define BY_POWER(call)                                           \
    switch (p->power == std::floor(p->power) ? Int(p->power) : 0) { \
        case 1: { constexpr int Q = 1; return call; }            \
        case 2: { constexpr int Q = 2; return call; }            \
        case 3: { constexpr int Q = 3; return call; }            \
        case 4: { constexpr int Q = 4; return call; }            \
        case 5: { constexpr int Q = 5; return call; }            \
        default: { constexpr int Q = 0; return call; }           \
    }

}  // namespace

extern "C" {
double mrp_gradient(const Problem *p, Int wide, Int with_loss) {
    if (wide) BY_POWER((gradient<double, Q>(*p, with_loss != 0)))
    BY_POWER((gradient<float, Q>(*p, with_loss != 0)))
}
Int mrp_descend(const Problem *p, Int wide, double rate, Int steps, const Until *until, Int *reached) {
    if (wide) BY_POWER((run<double, Q>(*p, rate, steps, *until, reached)))
    BY_POWER((run<float, Q>(*p, rate, steps, *until, reached)))
}
const char *mrp_source() { return SOURCE; }
Int mrp_lanes(Int wide) { return wide ? Lanes<double>::N : Lanes<float>::N; }
// The highest x86-64 level (1, 3 or 4) that this processor runs.
Int mrp_processor() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
    bool wider = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512cd");
    return wider ? 4 : 3;
#else
    return 1;
#endif
}
}
