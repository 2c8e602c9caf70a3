use door_firmware::test_face::TestFace;
use edge_infer::engine::Engine;
use edge_infer::matching::{TemplateRef, cosine, quantize};
use model_format::ModelView;
#[test]
fn m() {
    for name in ["mobilefacenet-128.afm", "mobilefacenet-128-ms1m.afm"] {
        let f = model_format::ModelFile::from_bytes(
            std::fs::read(format!("../../../models/zoo/{name}")).unwrap(),
        )
        .unwrap();
        let v = f.view();
        let e = Engine::new(v);
        let mut ts = vec![];
        for t in [TestFace::Round, TestFace::Long] {
            let mut rgb = vec![0; 112 * 112 * 3];
            t.draw(112, 112, &mut rgb);
            std::fs::write(
                format!("/tmp/{t:?}.ppm"),
                [b"P6 112 112 255\n".to_vec(), rgb.clone()].concat(),
            )
            .unwrap();
            let mut arena = vec![0; e.arena_bytes()];
            let mut emb = vec![0.0; 128];
            e.run(&rgb, &mut arena).unwrap().embedding(&mut emb).unwrap();
            let mut q = vec![0i8; 128];
            quantize(&emb, &mut q).unwrap();
            ts.push(q);
        }
        println!(
            "{name} arena {} {}",
            e.arena_bytes(),
            cosine(
                TemplateRef::from_values(&ts[0], v.id()).unwrap(),
                TemplateRef::from_values(&ts[1], v.id()).unwrap()
            )
            .unwrap()
        );
    }
    let _: Option<ModelView> = None;
}
