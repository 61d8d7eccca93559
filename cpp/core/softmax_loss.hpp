// Softmax cross-entropy of one row, and its Kullback–Leibler twin: value, gradient, Hessian–vector product and Hessian
// diagonal with respect to the transformed logits x.
//
// With a_c = w_c t_c the loss is Σ a_c [(1-p_c)^γ (-log p_c) + λ lse²]. Its derivatives need b_c = a_c h(p_c) and
// c_c = a_c (1-p_c) dh/dlog p (focal.hpp; without focal b = a and c = 0).
#pragma once

#include "focal.hpp"
#include "softmax.hpp"
#include "targets.hpp"

namespace crossentropy::CE_ISA {

struct SoftmaxLoss {
    const RowProblem &p;
    const SoftmaxRow &row;
    const TargetRow &t;
    double *b, *c;  // work space of one row each

    double share(std::int64_t j) const {
        if (t.one) return j == t.label ? t.weight : 0.0;
        return t.share[j];
    }

    // -log p_j, a sum of terms >= 0
    double surprisal(std::int64_t j) const {
        if (j == row.top) return row.log_sum;
        return row.log_sum - (t.one ? row.label_gap : row.gap[j]);
    }

    double class_value(std::int64_t j) const {
        const double a = share(j);
        if (a == 0) return 0;
        double nats = surprisal(j);
        if (p.family == RowFamily::softmax_kl_divergence && !t.one) nats += std::log(t.dense[j]);
        return p.focal_gamma == 0 ? a * nats : a * nats * focal_factor(row.complement(j), p.focal_gamma);
    }

    // Σ a_j (-log p_j) without focal
    Sum<double> plain_value() const {
        Sum<Vec> sum;
        for (std::int64_t j = 0; j < row.classes; j += lanes) {
            const Vec a = load(t.share + j);
            sum.add(a == 0.0 ? Vec{} : a * (row.log_sum - load(row.gap + j)));
        }
        return across(sum);
    }

    double value() const {
        Sum<double> sum;
        if (t.one)
            sum.add(class_value(t.label));
        else if (p.family == RowFamily::softmax_cross_entropy && p.focal_gamma == 0)
            sum.add(plain_value());
        else
            for (std::int64_t j = 0; j < row.classes; ++j) sum.add(class_value(j));
        if (p.z_loss != 0 && t.weight != 0) sum.add(t.weight * p.z_loss * row.lse() * row.lse());
        return total(sum);
    }

    double slope(std::int64_t j) const {
        const double a = share(j);
        if (a == 0 || p.focal_gamma == 0) return a;
        return a * focal_slope(row.e[j] / row.sum, row.complement(j), -surprisal(j), p.focal_gamma);
    }

    double bend(std::int64_t j) const {
        const double a = share(j);
        if (a == 0 || p.focal_gamma == 0) return 0;
        return a * focal_bend(row.e[j] / row.sum, row.complement(j), -surprisal(j), p.focal_gamma);
    }

    double z_slope() const { return p.z_loss != 0 && t.weight != 0 ? 2.0 * p.z_loss * t.weight : 0.0; }
    double z_pull() const { return z_slope() != 0 ? z_slope() * row.lse() : 0.0; }
    // of a finite lse: with a logit of +inf all other probabilities are exactly 0, and so is what they would be
    // multiplied by
    double finite_pull() const { return row.maximum < infinity ? z_pull() : 0.0; }

    // b at the top, the sum of all others, and Σb + 2λW·lse.
    struct Slopes {
        double own, others, all;
    };

    // Where all the mass is on the label.
    Slopes label_slopes() const {
        const double own = slope(row.top), others = t.label != row.top ? slope(t.label) : 0.0;
        return {own, others, others + own + finite_pull()};
    }

    // The gradient p_j (Σb + 2λW·lse) - b_j of the likeliest class. Where it has most of b, p·Σb - b = Σ_{others} b -
    // (1 - p)·Σb: without cancellation near p = 1.
    double at_top(const Slopes &s) const {
        const double all = s.others + s.own, inverse = 1.0 / row.sum;
        return (s.own > s.others ? s.others - all * row.complement(row.top) : all * inverse - s.own) +
               z_pull() * inverse;
    }

    void gradient(double *out) const {
        Slopes s;
        if (t.one) {
            s = label_slopes();
        } else {
            for (std::int64_t j = 0; j < row.classes; ++j) b[j] = p.focal_gamma == 0 ? t.share[j] : slope(j);
            pad(b, row.classes);
            const double own = slope(row.top);
            b[row.top] = 0;
            const double others = total(sum_of(b, row.classes));
            b[row.top] = own;
            s = {own, others, others + own + finite_pull()};
        }
        const double scale = s.all * (1.0 / row.sum);
        if (t.one) {
            for (std::int64_t j = 0; j < padded(row.classes); j += lanes) store(out + j, load(row.e + j) * scale);
            if (t.label != row.top) out[t.label] -= s.others;
        } else {
            for (std::int64_t j = 0; j < row.classes; ++j) out[j] = row.e[j] * scale - b[j];
        }
        out[row.top] = at_top(s);
    }

    // b and c of all classes; the sum of b
    double fill() const {
        Sum<double> slopes;
        for (std::int64_t j = 0; j < row.classes; ++j) {
            slopes.add(b[j] = slope(j));
            c[j] = bend(j);
        }
        return total(slopes);
    }

    // With u = v - Σ p v and d_c = c_c u_c/(1-p_c):  p_j u_j Σb + p_j Σd - d_j + 2λW p_j (Σ p v + lse·u_j)
    void hvp(const double *v, double *out) const {
        const double all = fill(), base = v[row.top];
        Sum<double> mean,
            bends;  // Σ p_j (v_j - v_top): differences to the likeliest class, so that u_top keeps its digits
        for (std::int64_t j = 0; j < row.classes; ++j)
            if (row.e[j] != 0) mean.add(row.e[j] * (v[j] - base));
        const double shift = total(mean) / row.sum;
        for (std::int64_t j = 0; j < row.classes; ++j) {
            if (c[j] == 0) continue;
            const double complement = row.complement(j);
            c[j] = complement == 0 ? 0.0 : c[j] * (((v[j] - base) - shift) / complement);
            if (j != row.top) bends.add(c[j]);
        }
        const double others = total(bends), bent = others + c[row.top], pull = finite_pull(),
                     push = z_slope() * (base + shift);
        for (std::int64_t j = 0; j < row.classes; ++j) {
            const double probability = row.e[j] / row.sum, u = (v[j] - base) - shift;
            // p·Σd - d at the likeliest class, again without cancellation
            const double centred = j == row.top ? probability * others - row.complement(j) * c[j]
                                                : (probability != 0 ? probability * bent : 0.0) - c[j];
            out[j] = (probability != 0 ? probability * (u * (all + pull) + push) : 0.0) + centred;
        }
    }

    // p_j (1-p_j) Σb - (1-p_j) c_j - p_j² Σ_{i≠j} c_i/(1-p_i) + 2λW p_j (p_j + lse·(1-p_j)); 1-p_top may vanish,
    // p_j/(1-p_top) may not.
    void hessian_diagonal(double *out) const {
        const double all = fill(), pull = finite_pull();
        Sum<double> bends;
        for (std::int64_t j = 0; j < row.classes; ++j)
            if (j != row.top && c[j] != 0) bends.add(c[j] / row.complement(j));
        const double bent = total(bends);
        for (std::int64_t j = 0; j < row.classes; ++j) {
            const double probability = row.e[j] / row.sum, complement = row.complement(j);
            double others = probability * bent;
            if (j != row.top) {
                others -= probability * (c[j] / complement);
                if (row.rest > 0) others += row.e[j] / row.rest * c[row.top];
            }
            out[j] = probability * (complement * (all + pull) + z_slope() * probability - others) - complement * c[j];
        }
    }
};

}  // namespace crossentropy::CE_ISA
