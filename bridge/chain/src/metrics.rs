//! The metrics family `polyspan_chain_*`.

use std::time::Duration;

use polyspan_types::BlockHeight;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Metrics of all chains of a process. One value, registered once, is given to every [`crate::Chain`].
#[derive(Debug, Clone)]
pub struct ChainMetrics {
    head: IntGaugeVec,
    final_height: IntGaugeVec,
    finality_lag: IntGaugeVec,
    range: IntGaugeVec,
    last_success: GaugeVec,
    requests: IntCounterVec,
    seconds: HistogramVec,
    quorum: IntGaugeVec,
    usable: IntGaugeVec,
    no_quorum: IntCounterVec,
    endpoint_requests: IntCounterVec,
    endpoint_usable: IntGaugeVec,
    endpoint_head: IntGaugeVec,
    endpoint_lag: IntGaugeVec,
    disagreements: IntCounterVec,
}

impl ChainMetrics {
    /// Makes the family and registers it.
    ///
    /// Errors: the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self::build()?;
        for collector in [
            &metrics.head,
            &metrics.final_height,
            &metrics.finality_lag,
            &metrics.range,
            &metrics.quorum,
            &metrics.usable,
            &metrics.endpoint_usable,
            &metrics.endpoint_head,
            &metrics.endpoint_lag,
        ] {
            registry.register(Box::new(collector.clone()))?;
        }
        registry.register(Box::new(metrics.last_success.clone()))?;
        for collector in
            [&metrics.requests, &metrics.no_quorum, &metrics.endpoint_requests, &metrics.disagreements]
        {
            registry.register(Box::new(collector.clone()))?;
        }
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }

    /// A family that nobody scrapes: for commands that end at once, and for tests.
    pub fn unregistered() -> Self {
        Self::build().expect("names, help lines and labels are constants that fit each other")
    }

    fn build() -> Result<Self, prometheus::Error> {
        let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["chain"]);
        // The number of an endpoint is its place in the config: a closed set, and no secret.
        let of_endpoint = |name, help| IntGaugeVec::new(Opts::new(name, help), &["chain", "endpoint"]);
        Ok(Self {
            head: gauge("polyspan_chain_head_height", "Height of the newest block seen.")?,
            final_height: gauge("polyspan_chain_final_height", "Height of the newest final block seen.")?,
            finality_lag: gauge(
                "polyspan_chain_finality_lag_blocks",
                "Blocks between newest and final block.",
            )?,
            range: gauge(
                "polyspan_chain_log_range_blocks",
                "Blocks that one log request asks for at most now.",
            )?,
            last_success: GaugeVec::new(
                Opts::new(
                    "polyspan_chain_last_success_timestamp_seconds",
                    "When the endpoint last gave a usable answer, in seconds since 1970.",
                ),
                &["chain"],
            )?,
            requests: IntCounterVec::new(
                Opts::new("polyspan_chain_rpc_requests_total", "JSON-RPC requests by method and outcome."),
                &["chain", "method", "outcome"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "polyspan_chain_rpc_request_seconds",
                    "Time until a JSON-RPC request was answered.",
                )
                .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0]),
                &["chain"],
            )?,
            quorum: gauge(
                "polyspan_chain_endpoint_quorum",
                "Endpoints that must agree before an answer is believed.",
            )?,
            usable: gauge(
                "polyspan_chain_endpoints_usable",
                "Endpoints that nothing is known against. Below the quorum nothing is signed.",
            )?,
            no_quorum: IntCounterVec::new(
                Opts::new(
                    "polyspan_chain_no_quorum_total",
                    "Questions to which fewer endpoints gave the same answer than must agree.",
                ),
                &["chain"],
            )?,
            endpoint_requests: IntCounterVec::new(
                Opts::new(
                    "polyspan_chain_endpoint_requests_total",
                    "JSON-RPC requests to each endpoint, by outcome.",
                ),
                &["chain", "endpoint", "outcome"],
            )?,
            endpoint_usable: of_endpoint(
                "polyspan_chain_endpoint_usable",
                "1 while nothing is known against the endpoint, 0 while it is avoided.",
            )?,
            endpoint_head: of_endpoint(
                "polyspan_chain_endpoint_head_height",
                "Height of the newest block that the endpoint showed.",
            )?,
            endpoint_lag: of_endpoint(
                "polyspan_chain_endpoint_lag_blocks",
                "Blocks that the endpoint is behind the newest block of a quorum.",
            )?,
            disagreements: IntCounterVec::new(
                Opts::new(
                    "polyspan_chain_endpoint_disagreements_total",
                    "Answers of the endpoint that contradicted those of a quorum.",
                ),
                &["chain", "endpoint"],
            )?,
        })
    }

    /// The series of one chain.
    pub(crate) fn of(&self, chain: &str) -> ChainSeries {
        ChainSeries {
            head: self.head.with_label_values(&[chain]),
            final_height: self.final_height.with_label_values(&[chain]),
            finality_lag: self.finality_lag.with_label_values(&[chain]),
            range: self.range.with_label_values(&[chain]),
            quorum: self.quorum.with_label_values(&[chain]),
            usable: self.usable.with_label_values(&[chain]),
            no_quorum: self.no_quorum.with_label_values(&[chain]),
            family: self.clone(),
            chain: chain.to_owned(),
        }
    }
}

/// Metrics of one chain.
#[derive(Debug, Clone)]
pub(crate) struct ChainSeries {
    head: IntGauge,
    final_height: IntGauge,
    finality_lag: IntGauge,
    range: IntGauge,
    quorum: IntGauge,
    usable: IntGauge,
    no_quorum: IntCounter,
    family: ChainMetrics,
    chain: String,
}

impl ChainSeries {
    pub(crate) fn head_seen(&self, head: BlockHeight, final_height: BlockHeight) {
        self.head.set(as_gauge(head.get()));
        self.final_height.set(as_gauge(final_height.get()));
        self.finality_lag.set(as_gauge(head.since(final_height)));
    }

    pub(crate) fn range_planned(&self, blocks: u64) {
        self.range.set(as_gauge(blocks));
    }

    pub(crate) fn quorum_set(&self, quorum: usize) {
        self.quorum.set(as_gauge(quorum as u64));
    }

    pub(crate) fn usable(&self, endpoints: usize) {
        self.usable.set(as_gauge(endpoints as u64));
    }

    pub(crate) fn no_quorum(&self) {
        self.no_quorum.inc();
    }

    /// The series of the endpoint with this place in the config.
    pub(crate) fn endpoint(&self, index: usize) -> EndpointSeries {
        let number = index.to_string();
        let labels = [self.chain.as_str(), number.as_str()];
        EndpointSeries {
            usable: self.family.endpoint_usable.with_label_values(&labels),
            head: self.family.endpoint_head.with_label_values(&labels),
            lag: self.family.endpoint_lag.with_label_values(&labels),
            disagreements: self.family.disagreements.with_label_values(&labels),
            family: self.family.clone(),
            chain: self.chain.clone(),
            number,
        }
    }
}

/// Metrics of one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct EndpointSeries {
    usable: IntGauge,
    head: IntGauge,
    lag: IntGauge,
    disagreements: IntCounter,
    family: ChainMetrics,
    chain: String,
    number: String,
}

impl EndpointSeries {
    pub(crate) fn usable(&self, usable: bool) {
        self.usable.set(i64::from(usable));
    }

    pub(crate) fn head_seen(&self, head: BlockHeight, behind: u64) {
        self.head.set(as_gauge(head.get()));
        self.lag.set(as_gauge(behind));
    }

    pub(crate) fn disagreed(&self) {
        self.disagreements.inc();
    }

    pub(crate) fn answered(&self, method: &'static str, outcome: &'static str, took: Duration) {
        let chain = self.chain.as_str();
        self.family.requests.with_label_values(&[chain, method, outcome]).inc();
        self.family.endpoint_requests.with_label_values(&[chain, self.number.as_str(), outcome]).inc();
        self.family.seconds.with_label_values(&[chain]).observe(took.as_secs_f64());
        if outcome == "ok" {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            self.family.last_success.with_label_values(&[chain]).set(now.as_secs_f64());
        }
    }
}

/// Gauges are signed; no height here comes near the end of the range.
fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_registers_once_and_counts_by_method_and_outcome() {
        let registry = Registry::new();
        let metrics = ChainMetrics::register(&registry).unwrap();
        assert!(ChainMetrics::register(&registry).is_err());
        let series = metrics.of("main");
        series.head_seen(BlockHeight::new(9), BlockHeight::new(7));
        series.endpoint(0).answered("eth_call", "ok", Duration::from_millis(3));
        series.endpoint(1).answered("eth_call", "timeout", Duration::from_secs(5));
        series.endpoint(1).disagreed();
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            "polyspan_chain_finality_lag_blocks{chain=\"main\"} 2",
            "polyspan_chain_rpc_requests_total{chain=\"main\",method=\"eth_call\",outcome=\"ok\"} 1",
            "polyspan_chain_rpc_requests_total{chain=\"main\",method=\"eth_call\",outcome=\"timeout\"} 1",
            "polyspan_chain_endpoint_requests_total{chain=\"main\",endpoint=\"1\",outcome=\"timeout\"} 1",
            "polyspan_chain_endpoint_disagreements_total{chain=\"main\",endpoint=\"1\"} 1",
            "polyspan_chain_endpoint_disagreements_total{chain=\"main\",endpoint=\"0\"} 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("polyspan_chain_last_success_timestamp_seconds{chain=\"main\"}"));
    }
}
