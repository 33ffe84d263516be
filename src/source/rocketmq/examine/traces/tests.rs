use super::*;

/// Shows proofs as `kind group key time attempts reason host`.
fn shown(texts: &[&str], groups: &[&str]) -> Vec<String> {
    let keys: MessageKeys = ["K", "L"].into_iter().collect();
    let deliveries = ReportedDeliveries::new(&keys);
    for text in texts {
        let text = text.replace(',', "\u{1}").replace(' ', "\u{2}");
        deliveries.add(&text, "192.0.2.7");
    }
    let groups: Vec<_> = groups.iter().map(|group| Arc::from(*group)).collect();
    let proofs = deliveries.into_proofs(&groups);
    let show = |proof: Proof| {
        let reason = proof.reason.map_or("-", FailureReason::as_str);
        let host = proof.host.unwrap();
        let Proof {
            kind,
            group,
            key,
            at,
            attempts,
            ..
        } = proof;
        format!(
            "{kind:?} {group} {key} {} {attempts} {reason} {host}",
            at.as_millisecond()
        )
    };
    proofs.into_iter().map(show).collect()
}

#[test]
fn the_beginning_of_a_delivery_is_joined_with_its_end() {
    let begin = "SubBefore,100,r,g,R,K,2,null ";
    let table: [(&[&str], &[&str]); 9] = [
        (
            &[begin, "SubAfter,R,K,7,true,null,0,120,g "],
            &["Succeeded g K 120 3 - 192.0.2.7"],
        ),
        // The end stands before the beginning, in another message.
        (
            &["SubAfter,R,K,7,false,null,2,120,g ", begin],
            &["Failed g K 120 3 exception 192.0.2.7"],
        ),
        // Without time and group: those of the beginning.
        (
            &[begin, "SubAfter,R,K,7,false,null,4 "],
            &["Failed g K 107 3 later 192.0.2.7"],
        ),
        (&["SubAfter,R,K,7,false,null,4 "], &[]),
        (
            &["SubAfter,R,K,7,true,null,0,120,g "],
            &["Succeeded g K 120 0 - 192.0.2.7"],
        ),
        (&[begin], &[]), // it has not ended
        (
            &["SubBefore,100,r,g,R,M,2,null SubAfter,R,M,7,true,null,0,120,g "],
            &[],
        ), // another message
        // Two messages of one delivery, and a record that was read twice.
        (
            &[
                "SubBefore,100,r,g,R,K,0,null SubBefore,100,r,g,R,L,0,null ",
                "SubAfter,R,K,7,true,null,0 SubAfter,R,L,7,false,null,3 ",
                "SubAfter,R,K,7,true,null,0 ",
            ],
            &[
                "Succeeded g K 107 1 - 192.0.2.7",
                "Failed g L 107 1 null 192.0.2.7",
            ],
        ),
        (&["SubAfter,R,K,7,true,null,0,120,other "], &[]),
    ];
    for (texts, expected) in table {
        assert_eq!(shown(texts, &["g"]), expected, "{texts:?}");
    }
}

#[test]
fn groups_are_named_without_their_namespace() {
    let text = ["SubAfter,R,K,7,true,null,0,120,g "];
    assert_eq!(
        shown(&text, &["MQ_INST_1%g", "g_2"]),
        ["Succeeded MQ_INST_1%g K 120 0 - 192.0.2.7"]
    );
    let whole = ["SubAfter,R,K,7,true,null,0,120,MQ_INST_1%g "];
    assert_eq!(shown(&whole, &["MQ_INST_1%g"]).len(), 1);
    assert_eq!(shown(&whole, &["g"]).len(), 0);
}
